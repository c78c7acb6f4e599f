"""What every policy gets, and how it declares its parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from include.bandit.evidence import Evidence
from include.bandit.posterior import Posterior
from include.bandit.statistics import FloatArray
from include.experiments.schema import Reward

Probability: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Scope: TypeAlias = Literal["slot", "slate", "context"]


class Params(BaseModel):
    """Base of a policy's parameters: unknown names and values out of range are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MixedParams(Params):
    """Parameters of a policy that would put arms at 0 or 1: a part of it is uniform.

    Published at 0 or 1, an arm could never be learned about or weighted again.
    """

    uniform_mix: float = Field(default=0.1, gt=0.0, le=1.0)


@dataclass(frozen=True, slots=True)
class Belief:
    """What a policy may look at; a function of sums alone.

    Attributes
    ----------
    evidence, posterior
        Folded sums and posterior: shape ``(K,)`` for a policy of scope ``slot``, ``(P, K)``
        over positions for ``slate``, ``(C, K)`` over context cells for ``context``.
    update
        Evidence of one slot, shape ``(K,)``, to its posterior.
    reward
        Declared kind and range of the reward.
    default_shares
        Shares of weights version 0, ``(K,)``.
    features
        Numeric context of every cell, ``(C, D)``; ``None`` unless the scope is ``context``.
    """

    evidence: Evidence
    posterior: Posterior
    update: Callable[[Evidence], Posterior]
    reward: Reward
    default_shares: FloatArray
    features: FloatArray | None = None

    @property
    def span(self) -> float:
        """The width of the reward's range, by which UCB bonuses scale."""
        return 1.0 if self.reward.kind == "bernoulli" else self.reward.upper - self.reward.lower


@dataclass(frozen=True, slots=True)
class Policy:
    """A registered policy: its parameters, its function, and on what it works.

    The version rises when the function gives other shares for the same belief.
    """

    params: type[Params]
    propose: Callable[[Belief, Any], FloatArray]
    scope: Scope = "slot"
    version: int = 1


def greedy(scores: FloatArray, uniform_mix: float) -> FloatArray:
    """Return (1 − m) on the highest score and m/K everywhere; a tie goes to the lower index.

    Arms whose score is infinite (never tried) share the greedy part equally.
    """
    arms = scores.shape[-1]
    untried = np.isposinf(scores)
    if np.any(untried):
        best = untried / np.count_nonzero(untried)
    else:
        best = np.zeros(arms)
        best[np.argmax(scores)] = 1.0
    shares: FloatArray = uniform_mix / arms + (1 - uniform_mix) * best
    return shares
