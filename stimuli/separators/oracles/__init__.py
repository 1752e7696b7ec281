"""Ceilings: masks and filters made from the true stems, damaged where the entry says so."""
