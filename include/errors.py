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


class ExperimentConflictError(ExperimentError):
    """A declaration contradicts the one in force; the message holds the difference."""


class ReportsUnavailableError(AllotError):
    """PostgreSQL cannot be reached, or was lost during a transaction."""


class StoreUnavailableError(AllotError):
    """The weights store (Dragonfly) cannot be reached, or did not confirm a write."""


class LineageError(AllotError):
    """Stored weights or statistics do not fit their own hash or parent."""


class StackError(AllotError):
    """The stack cannot be started, stopped or asked; the message says what to do."""


class FeedbackError(AllotError):
    """Logged feedback, or a policy to judge on it, cannot be used."""


class EvaluationError(AllotError):
    """An off-policy evaluation has no answer on this log."""
