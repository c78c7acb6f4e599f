"""Sums of a declared metric: two numbers per observation, under weights 1, 1/p and 1/p²."""

from dataclasses import dataclass

import numpy as np

from include.bandit.statistics import ArmStatistics, FloatArray, Sums


@dataclass(frozen=True, slots=True, eq=False)
class MetricStatistics(Sums):
    """Sums per arm of y and x, arrays ``(..., K)`` as those of `ArmStatistics`.

    y is the metric's value of an observation (a unit within batch and weights version),
    capped where a cap is declared; x the covariate, or the denominator of a ratio, or 0.
    All that the estimators need is linear or quadratic in (1, y, x).

    Attributes
    ----------
    n
        Observations.
    capped
        How many of them the cap changed.
    sum_abs
        Σ|y|.
    sum_y, sum_y2, sum_x, sum_x2, sum_xy
        Under weight 1.
    sum_ip, sum_y_ip, sum_x_ip
        Under weight 1/p, p the logged propensity.
    sum_ip2, sum_y_ip2, sum_y2_ip2, sum_x_ip2, sum_x2_ip2, sum_xy_ip2
        Under weight 1/p².
    """

    capped: FloatArray
    sum_abs: FloatArray
    sum_y: FloatArray
    sum_y2: FloatArray
    sum_x: FloatArray
    sum_x2: FloatArray
    sum_xy: FloatArray
    sum_ip: FloatArray
    sum_y_ip: FloatArray
    sum_x_ip: FloatArray
    sum_ip2: FloatArray
    sum_y_ip2: FloatArray
    sum_y2_ip2: FloatArray
    sum_x_ip2: FloatArray
    sum_x2_ip2: FloatArray
    sum_xy_ip2: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Coefficients of r = a + b y + c x, each broadcastable to the sums."""

    a: FloatArray
    b: FloatArray
    c: FloatArray

    def of(self, sums: MetricStatistics) -> ArmStatistics:
        """Return the sums of r: from here on a metric is judged as a reward is."""
        n = sums.n.astype(np.float64)
        return ArmStatistics(
            n=sums.n,
            sum_r=self._first(n, sums.sum_y, sums.sum_x),
            sum_r2=self._second((n, sums.sum_y, sums.sum_x), sums.sum_y2, sums.sum_x2, sums.sum_xy),
            sum_ip=sums.sum_ip,
            sum_ip2=sums.sum_ip2,
            sum_r_ip=self._first(sums.sum_ip, sums.sum_y_ip, sums.sum_x_ip),
            sum_r_ip2=self._first(sums.sum_ip2, sums.sum_y_ip2, sums.sum_x_ip2),
            sum_r2_ip2=self._second(
                (sums.sum_ip2, sums.sum_y_ip2, sums.sum_x_ip2),
                *(sums.sum_y2_ip2, sums.sum_x2_ip2, sums.sum_xy_ip2),
            ),
        )

    def _first(self, one: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
        return self.a * one + self.b * y + self.c * x

    def _second(
        self,
        first: tuple[FloatArray, FloatArray, FloatArray],
        y2: FloatArray,
        x2: FloatArray,
        xy: FloatArray,
    ) -> FloatArray:
        a, b, c = self.a, self.b, self.c
        one, y, x = first
        squares = a**2 * one + b**2 * y2 + c**2 * x2
        cross = 2.0 * (a * b * y + a * c * x + b * c * xy)
        # A sum of squares that cancels to nothing may come out below zero by rounding.
        return np.maximum(squares + cross, 0.0)
