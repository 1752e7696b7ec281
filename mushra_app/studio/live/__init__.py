"""The tab "Live": how far listeners are, and never how conditions do."""
