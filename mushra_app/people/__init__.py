"""Those who run tests: their accounts, what each may do, how they get in, what they did. Knows nothing of the web."""
