"""Serving's own outside: the only modules of the API that talk to another part."""
