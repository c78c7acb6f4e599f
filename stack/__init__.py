"""The embedded stack: every part of Allot's platform from wheels, supervised on one machine."""
