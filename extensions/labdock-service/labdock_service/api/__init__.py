"""The API: one file a resource, each thin: it checks, calls the store and answers."""
