"""The parts of one attribute's section: what is computed, as rows."""
