"""``make demo``: the whole loop on the Open Bandit Dataset, as a user would run it."""
