"""Judgement, step by step: read sums and shares, judge, lay rows out, track."""
