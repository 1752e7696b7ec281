"""What whoever runs a server needs beside the test itself: backups, checks, health, a log for machines."""
