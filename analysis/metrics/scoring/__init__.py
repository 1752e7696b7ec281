"""Running metrics over sounds: a stimulus set, files, a data set; one module each, over ``stretch``."""
