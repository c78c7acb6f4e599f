"""The report of an experiment: one page for people, from the views alone."""
