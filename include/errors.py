"""Every error that Allot raises on purpose.

A message says what was wrong, where (experiment, batch, file, row) and what to
do about it, for the person who meets it.
"""


class AllotError(Exception):
    """Base of all errors that Allot raises on purpose."""


class SettingsError(AllotError):
    """A setting is missing or cannot be used."""


class ExperimentError(AllotError):
    """An experiment's declaration cannot be accepted."""


class UnknownExperimentError(AllotError):
    """No experiment has this slug."""


class InfeasibleLimitsError(ExperimentError):
    """The allocation limits of an experiment exclude every allocation."""


class DamagedSnapshotError(AllotError):
    """A value in the weights store is not what its name says."""
