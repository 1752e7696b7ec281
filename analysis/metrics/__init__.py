"""Objective metrics: one module per family, and ``score`` that runs them over a stimulus set."""
