"""What was rated: summaries, their intervals, and the shape of the ratings."""
