"""Read-only routes: what was published, observed and decided, from PostgreSQL's reports."""
