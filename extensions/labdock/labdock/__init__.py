"""Labdock in a notebook and on the command line."""
