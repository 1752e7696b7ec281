"""Before the test: how many listeners and items, and ratings simulated from variance components."""
