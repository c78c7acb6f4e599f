"""Inference under adaptive allocation: one method, one short file, under its paper's name.

Every function is a fold over `ArmStatistics` of shape ``(..., batches, K)``: arms
last, batches before them in the order in which they ran, and any leading axes
(replications, positions) kept apart. A row is one batch of one weights version.
"""
