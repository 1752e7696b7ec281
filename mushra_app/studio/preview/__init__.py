"""The whole test as a listener has it, and nothing stored."""
