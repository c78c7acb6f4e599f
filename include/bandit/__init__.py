"""The pure statistical core: no I/O, no clock, no global randomness."""
