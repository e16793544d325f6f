"""Makes what is wanted so: packages, leases, starts, watches and ends. One at a time."""
