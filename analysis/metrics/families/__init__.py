"""The families of metrics that need no other package: one module each, ending with its ``FAMILY``."""
