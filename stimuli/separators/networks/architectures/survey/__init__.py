"""Early networks of singing-voice separation, 2014 to 2018: masks on mono spectra, each with the loss of its paper."""
