"""Ratings as the five bands of the scale: the cumulative-logit mixed model, a check on the linear one."""
