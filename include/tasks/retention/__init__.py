"""Retention: what is kept for how long, and how a unit is forgotten."""
