"""Metrics that model hearing, by packages of others: one module each, ending with its ``FAMILY``; optional extras."""
