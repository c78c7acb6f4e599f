"""The durable log: nothing is acknowledged before database or spool hold its record."""
