"""Who rated: screening by the standard and by conduct, consistency of one listener, agreement of all."""
