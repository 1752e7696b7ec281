"""Ratings in: from the app's export or database, and from anybody's file; what they are like, counted."""
