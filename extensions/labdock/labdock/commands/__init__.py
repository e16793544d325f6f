"""The commands of `labdock`, one module for each section of its help."""
