"""Backups: a deployment in one file, and back out of it."""
