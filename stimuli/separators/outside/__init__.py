"""What was made elsewhere: any program, and systems out of other people's packages."""
