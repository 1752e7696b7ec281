"""The figures of a report: one module per figure, all in one style."""
