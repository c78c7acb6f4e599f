"""Audit: recompute what was decided and published, and say what differs."""
