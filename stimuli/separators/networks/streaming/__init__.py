"""Causal networks block by block: each remembers what it heard, and says when a sample of its estimate is final."""
