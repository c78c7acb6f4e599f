"""Backup, restore and upgrade of PostgreSQL, the sole arbiter of what Allot publishes."""
