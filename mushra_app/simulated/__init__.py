"""Listeners that are programs: they take a test over HTTP or in a real browser, to rehearse a whole study.

They are honest about what they are: they enrol with a link that marks them as simulated, in SQL, in every
export and across the report. They know no more than a person does: they hear the sounds that the page offers.
"""
