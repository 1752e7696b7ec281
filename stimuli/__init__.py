"""Make the sounds: from an experiment file to a verified stimulus set.

Read in this order: ``experiment`` (what a person writes), ``build`` (the pipeline, top to bottom),
``manifest`` (what was built). Nothing is imported here on purpose: see the import rule in the README.
"""
