"""One run of the estimators: point, intervals and parameters of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from include.bandit.feedback import EvaluationPolicy, Feedback, RowPolicy
from include.bandit.ope import dm, intervals, mips
from include.bandit.ope.catalogue import LINEAR, SHRUNK
from include.bandit.ope.diagnostics import Diagnostics, diagnose
from include.bandit.ope.estimate import Estimate, Interval
from include.bandit.ope.estimator import Estimator, Point, point, shrunk_point
from include.bandit.ope.options import Options
from include.bandit.ope.tuning import choose
from include.bandit.ope.units import UnitSums
from include.bandit.ope.weighted_log import Rows, Sums
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import ArmStatistics, FloatArray
from include.errors import EvaluationError


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One policy on one log, with what every estimator shares."""

    data: Feedback | ArmStatistics
    policy: EvaluationPolicy
    model: RewardModel | None
    log: Rows | Sums
    found: Diagnostics
    options: Options

    def estimate(self, name: str) -> Estimate:
        """Estimate by name; the verdict is left to the comparison of all."""
        if name == mips.NAME:
            return self._marginal()
        if name in SHRUNK:
            return self._shrunk(name)
        made = point(LINEAR[name], self.log)
        if name == "dm":
            made = replace(made, variance=made.variance + self._model_variance())
        parameters: dict[str, float | str] = {}
        if name == "replay":
            parameters["rows_kept"] = self._rows_kept()
        return self._finish(name, made, self.log, self.found, parameters)

    def _shrunk(self, name: str) -> Estimate:
        estimator, log = SHRUNK[name], self.log
        if not isinstance(log, Rows):
            raise EvaluationError(f"{name} needs the rows of the log")
        parameter = self.options.parameters.get(name)
        rule = "declared"
        if parameter is None:
            chosen = choose(estimator, log, self.options.rule)
            parameter, rule, made = chosen.parameter, chosen.rule, chosen.point
        else:
            made = shrunk_point(estimator, log, parameter)
        smaller = log.reweighted(estimator.shrink(log.weight, parameter))
        kept = float(np.minimum(log.weight, smaller.weight).mean())
        found = diagnose(smaller, self.data, self.policy)
        found = replace(found, weight_cut=max(1.0 - kept, 0.0))
        return self._finish(
            name, made, smaller, found, {estimator.PARAMETER: parameter, "chosen_by": rule}
        )

    def _marginal(self) -> Estimate:
        if isinstance(self.policy, RowPolicy) or self.options.groups is None:
            raise EvaluationError("mips needs a policy table and the groups of the arms")
        units = self.log.units if isinstance(self.log, UnitSums) else None
        made = mips.estimate(self.data, self.policy, self.options.groups, units)
        return Estimate(
            estimator=mips.NAME,
            value=made.value,
            variance=made.variance,
            n=self.log.n,
            intervals=(intervals.normal(made.value, made.variance, self.options.level),),
            diagnostics=replace(self.found, effective_sample_size=made.effective_sample_size),
            parameters={"groups": float(made.groups)},
        )

    def _finish(
        self,
        name: str,
        made: Point,
        log: Rows | Sums,
        found: Diagnostics,
        parameters: Mapping[str, float | str],
    ) -> Estimate:
        options = self.options
        made_intervals = [intervals.normal(made.value, made.variance, options.level)]
        if "bootstrap" in options.intervals and name != "dm":
            made_intervals += self._bootstrap(_base(name), log)
        if "empirical-bernstein" in options.intervals and name in ("ips", "dr"):
            made_intervals += self._bernstein(name, made)
        return Estimate(
            estimator=name,
            value=made.value,
            variance=made.variance,
            n=log.n,
            intervals=tuple(made_intervals),
            diagnostics=found,
            parameters=parameters,
        )

    def _bootstrap(self, estimator: Estimator, log: Rows | Sums) -> list[Interval]:
        options = self.options
        if not isinstance(log, Rows) or options.rng is None:
            raise EvaluationError("a bootstrap needs the rows of the log and a random generator")
        return [intervals.percentile(estimator, log, options.level, options.rng, options.samples)]

    def _bernstein(self, name: str, made: Point) -> list[Interval]:
        if isinstance(self.log, UnitSums) or (
            isinstance(self.log, Rows) and self.log.cluster is not None
        ):
            return []
        largest = _largest_probability(self.policy) / float(self.options.smallest_pscore or 1.0)
        low, high = self.options.reward_range
        # w r lies in [min(low, 0), max(high, 0)] w; the DR term adds q̂(π) ± w (high − low).
        spread = largest * (max(high, 0.0) - min(low, 0.0))
        if name == "dr":
            spread = (2.0 * largest + 1.0) * (high - low)
        value, variance = made.value, made.variance
        return [
            intervals.empirical_bernstein(value, variance, self.log.n, spread, self.options.level)
        ]

    def _model_variance(self) -> float:
        if self.model is None or self.model.variance is None:
            return 0.0
        counts = self.data.sums().n if isinstance(self.data, Feedback) else self.data.n
        rows = counts.reshape(-1, *counts.shape[-2:]).sum(axis=(0, 2))
        table = self._mean_policy(len(rows))
        return dm.model_variance(rows, table, self.model.variance)

    def _mean_policy(self, positions: int) -> FloatArray:
        if not isinstance(self.policy, RowPolicy):
            return self.policy
        if not isinstance(self.data, Feedback):
            raise EvaluationError("a policy per row needs the rows of the log")
        # A q̂ without context sees only the policy's average over the rows of a position.
        where = self.data.position == np.arange(positions)[:, np.newaxis]
        rows = np.maximum(where.sum(axis=1, keepdims=True), 1)
        return np.asarray(where.astype(float) @ self.policy.probability / rows)

    def _rows_kept(self) -> float:
        arms = self.data.arms if isinstance(self.data, Feedback) else self.data.n.shape[-1]
        return self.found.mean_weight * self.log.n / arms


def _base(name: str) -> Estimator:
    return SHRUNK[name].BASE if name in SHRUNK else LINEAR[name]


def _largest_probability(policy: EvaluationPolicy) -> float:
    return float((policy.probability if isinstance(policy, RowPolicy) else policy).max())
