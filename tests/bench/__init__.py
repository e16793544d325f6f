"""`make bench`: Labdock beside its peers, in one run, on one machine."""
