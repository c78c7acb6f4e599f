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


class StatisticsError(AllotError):
    """Arm statistics contradict what the experiment declares."""


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


class NoFeedbackError(EvaluationError):
    """Silver has no row of an experiment yet: there is nothing to evaluate."""


class LakeError(AllotError):
    """The lake (S3, Delta) refused or did not confirm a step; running it again is safe."""


class ConcurrentReplacementError(LakeError):
    """Another run replaced the same silver partitions by other rows meanwhile."""


class SourceError(AllotError):
    """A delivered file or folder is missing, unreadable, or not what its schema says."""


class SourceChangedError(SourceError):
    """A file changed while it was being read."""


class RefusedShareError(SourceError):
    """More rows of a file were refused than the experiment declares as bearable."""


class RowCountError(LakeError):
    """Rows in are not rows in silver plus rows in quarantine."""


class ExpectationError(AllotError):
    """An expectation could not be evaluated, which is not the same as failing."""


class RefusedExperimentsError(AllotError):
    """Some experiments of a run were refused or failed; the others went on."""


class SimulationError(AllotError):
    """What was asked to be simulated cannot be."""


class ExportError(AllotError):
    """The decision log cannot be exported without losing or doubling records."""


class AuditError(AllotError):
    """Decisions or published versions are not what recomputing them gives."""


class RollbackError(AllotError):
    """An experiment cannot be rolled back, or released, as asked for."""


class ErasureError(AllotError):
    """A unit cannot be erased now."""


class OrchestratorError(AllotError):
    """Airflow refused or did not answer what was asked of it."""
