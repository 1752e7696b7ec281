"""Systems without weights that tell voice from accompaniment by a mask: what repeats, where it is, how it sounds."""
