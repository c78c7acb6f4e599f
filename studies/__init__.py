"""Simulation studies: what the methods promise, measured, with seeds and Monte-Carlo error.

``python -m studies`` runs them all and writes one table each to ``docs/studies/``.
"""
