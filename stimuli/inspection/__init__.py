"""Looking at a built set before anybody is asked to listen to it: the contact sheet."""
