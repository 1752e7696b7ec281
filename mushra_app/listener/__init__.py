"""The pages of those who rate. Nothing here can name a condition: see ``pages``."""
