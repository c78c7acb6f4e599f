"""Decide, step by step: read evidence, apply the rule, write rows, ask, and end an experiment."""
