"""The tab "Sounds": a set is published, looked at and listened to."""
