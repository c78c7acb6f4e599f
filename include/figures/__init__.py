"""Figures for people: pure functions from data to a matplotlib figure, nothing read or written."""
