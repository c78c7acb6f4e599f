"""Any registered policy in a simulation: asked once per replication, exactly as when publishing.

A policy that was added to `include.bandit.policies` can be simulated at once. It is some hundred
times slower than the vectorised twins of `allocation`, which exist for speed alone; a
test holds both equal.
"""

import numpy as np

from include.bandit.evidence import Evidence
from include.bandit.policies import Belief, Params, Policy, find
from include.bandit.priors import update
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError
from include.experiments.schema import Prior, Reward


def registered_policy(name: str) -> tuple[Policy, Params]:
    """Find a policy that decides slot by slot, with its default parameters.

    Raises
    ------
    ValueError
        If there is no such policy, or it needs slates or contexts, which no simulation has.
    """
    try:
        policy, params = find(name)
    except ExperimentError as error:
        raise ValueError(str(error)) from error
    if policy.scope != "slot":
        raise ValueError(f"policy {name!r} decides by {policy.scope}; a simulation has one slot")
    return policy, params


def registered_weights(name: str, n: FloatArray, successes: FloatArray) -> FloatArray:
    """Return a registered policy's shares per replication, Bernoulli rewards, flat prior.

    Parameters
    ----------
    name
        A registered policy of scope ``slot``.
    n, successes
        Observations and successes, ``(replications, K)``.
    """
    policy, params = registered_policy(name)
    return np.stack(
        [
            policy.propose(_belief(Evidence(own_n, own_s, own_s)), params)
            for own_n, own_s in zip(n, successes, strict=True)
        ]
    )


def _belief(evidence: Evidence) -> Belief:
    arms = [str(arm) for arm in range(evidence.n.shape[-1])]
    reward, prior = Reward(), Prior()
    return Belief(
        evidence=evidence,
        posterior=update(evidence, reward, prior, arms),
        update=lambda more: update(more, reward, prior, arms),
        reward=reward,
        default_shares=np.full(len(arms), 1.0 / len(arms)),
    )
