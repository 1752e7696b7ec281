"""Items in general: mixed models in which listeners and items are both random samples."""
