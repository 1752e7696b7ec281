"""Ask the listeners: publish a stimulus set, serve the listening test, keep every rating in SQL.

Read in this order: ``models`` (the tables), ``listening`` (what a listener can do), ``listener`` and
``studio`` (the two audiences), ``ratings`` (what leaves this room). Nothing is imported here on purpose.
"""
