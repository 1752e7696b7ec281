"""The experiment file of a study that is being written: kept as text, shown as a form, checked, published."""
