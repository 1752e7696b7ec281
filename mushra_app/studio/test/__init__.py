"""The tab "Test": what state a study is in, what it may be called, and the next state."""
