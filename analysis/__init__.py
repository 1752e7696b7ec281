"""Say what the ratings mean: screening, statistics, objective metrics and the report.

Nothing is imported here on purpose: see the import rule in the README.
"""
