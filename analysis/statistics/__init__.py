"""Statistics of listening tests: pure functions, frame in, frame out; no web, no torch."""
