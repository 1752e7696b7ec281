"""Train a registered architecture on folders of songs: ``mushra train``, or torch's launcher for several processes.

Read in this order: ``config`` (what a person writes), ``material`` (songs), ``mixing`` (examples), ``losses``,
``loop`` (the steps), ``folder`` (what is written). Only the modules of this wing that name torch load it.
"""
