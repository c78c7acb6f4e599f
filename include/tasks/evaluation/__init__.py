"""Evaluation, step by step: read logs, choose policies, estimate, grade, draw curves, track."""
