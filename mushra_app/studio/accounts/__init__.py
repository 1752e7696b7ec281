"""People: who may into the studio and what they may do there, one's own account, and what everybody did."""
