"""What happens in a listener's session, from consent to the last page; no module here knows Flask.

In the order of the day: ``design`` draws who hears what, ``enrolment`` begins, ``course`` says what is due,
``listening`` answers with the page and takes what is given; ``setting_up``, ``questionnaire`` and ``announcements``
make the pages around the trials, ``saving`` keeps a trial.
"""
