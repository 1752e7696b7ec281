"""Objective metrics: ``truth`` and ``family`` say what a metric is, wings hold the metrics, ``scoring`` runs them."""
