"""What happens to a study as a whole: its states, who comes to it, what becomes of its ratings."""
