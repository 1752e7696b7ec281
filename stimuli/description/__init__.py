"""The parts of an experiment file, one module for each kind of thing that a person describes in it."""
