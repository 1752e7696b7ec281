"""The command ``mushra plan``: how many listeners and items a test needs, as table, figure, page and data."""
