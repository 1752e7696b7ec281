"""The tab "People": how listeners come to a study, their invitations, and its listening places in use."""
