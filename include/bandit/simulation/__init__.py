"""Simulation, vectorised over replications; truth is known, and everything is labelled simulated.

Randomness comes from the `numpy.random.Generator` that the caller passes, never from a global.
"""
