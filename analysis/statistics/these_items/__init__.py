"""Exactly these items: tests in which only listeners are a random sample."""
