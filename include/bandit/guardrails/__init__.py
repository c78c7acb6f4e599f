"""Guardrails: pure judgements on a batch, each with its numbers, and what follows from all."""
