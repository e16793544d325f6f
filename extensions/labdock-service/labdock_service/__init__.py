"""Labdock's hub service, reconciler, gates and admin's commands."""

__version__ = "0.1.0"
