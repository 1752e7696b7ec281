"""What a report says in words: conclusion, methods, deviations, blanks."""
