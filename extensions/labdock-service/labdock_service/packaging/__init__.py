"""From a snapshot to an image: lock, layers, OCI layout. It knows no store."""
