"""What was found, kept and said: the scored table, museval's files, lines for a terminal, versions."""
