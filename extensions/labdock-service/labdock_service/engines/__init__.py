"""Engines run things and know nothing about people, projects or the database."""
