"""Scores that others published: what they mean, how their tables are read, how they are laid beside one's own."""
