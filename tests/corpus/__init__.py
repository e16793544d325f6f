"""Ordinary notebooks and scripts, run on one and on two workers: `python -m tests.corpus`."""
