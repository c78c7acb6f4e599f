"""PostgreSQL: experiments, statistics, weights and reports; the sole arbiter of what is live."""
