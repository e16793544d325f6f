"""People's servers: how they log in, what they may choose, how a server starts and when it ends."""
