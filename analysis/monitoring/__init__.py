"""What may be known of a test while it runs: whom the rules would leave out, and how wide intervals are. Never more."""
