"""Sending a notification by mail or to a webhook; knows no store."""
