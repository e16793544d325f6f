"""Model versions behind endpoints: what a revision does next, the router and its tables."""
