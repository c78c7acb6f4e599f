"""Declared metrics: capped means, means adjusted by a covariate, and ratios by the delta method."""
