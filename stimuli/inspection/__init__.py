"""A built set laid out for eyes and ears, before anybody is invited: the contact sheet, made by ``page.show``."""
