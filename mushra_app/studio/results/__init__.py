"""The tab "Results": what leaves the studio as a file."""
