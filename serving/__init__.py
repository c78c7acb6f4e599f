"""The API: answers allocations and decisions from an in-process copy of the weights."""
