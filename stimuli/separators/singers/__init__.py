"""Systems that tell singers from each other: outputs without order, kept with the same singer through a long song."""
