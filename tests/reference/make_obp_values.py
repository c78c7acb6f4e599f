"""Write Open Bandit Pipeline's answers to obp_values.json, beside this script.

    python -m pip download obp==0.5.7 --no-deps --ignore-requires-python
    tar xzf obp-0.5.7.tar.gz
    python -m tests.reference.make_obp_values obp-0.5.7

Version 0.5.7 has all the estimators; it installs on Python < 3.11 only, and imports torch
for neural learners. So its estimator modules alone are loaded from the source, with an
empty class in the place of ``torch.Tensor``. The values of 0.4.1, which Allot installs
for its data, are stored too where it has the estimator.

Quirks of these versions: SNIPW ignores ``lambda_``; DRos has λ = 0 (the direct method) by default;
Switch-DR's τ was called ``tau`` in 0.4.1; at τ = 1 it sits on ties at w = 1, so τ = 1.3 here.
"""

import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from include.bandit.feedback import Feedback
from tests.reference.cases import (
    PARAMETERS,
    all_cases,
    deterministic_policy,
    reward_table,
    tilted_policy,
)

TARGET = Path(__file__).parent / "obp_values.json"
GRID = [1000.0, 100.0, 30.0, 10.0, 5.0, 3.0, 2.0, 1.5, 1.2, 1.0]


def load(package: Path) -> Any:
    """Import an ``obp`` source folder's estimators without running its ``__init__``."""
    for name in [name for name in sys.modules if name.split(".")[0] in {"obp", "torch"}]:
        del sys.modules[name]
    torch = types.ModuleType("torch")
    vars(torch).update(Tensor=type("Tensor", (), {}), tensor=None)
    sys.modules["torch"] = torch
    for name, folder in (("obp", package), ("obp.ope", package / "ope")):
        module = types.ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    return importlib.import_module("obp.ope.estimators")


def estimators(obp: Any) -> dict[str, Any]:
    """Return the estimators that this version has, by Allot's names."""
    found = {
        "ips": obp.InverseProbabilityWeighting(),
        "snips": obp.SelfNormalizedInverseProbabilityWeighting(),
        "dm": obp.DirectMethod(),
        "dr": obp.DoublyRobust(),
        "sndr": obp.SelfNormalizedDoublyRobust(),
        "dr-os": obp.DoublyRobustWithShrinkage(lambda_=PARAMETERS["dr-os"]),
    }
    tau = PARAMETERS["switch-dr"]
    if not hasattr(obp, "SubGaussianDoublyRobust"):
        return {**found, "switch-dr": obp.SwitchDoublyRobust(tau=tau)}
    return {
        **found,
        "switch-dr": obp.SwitchDoublyRobust(lambda_=tau),
        "clipped-ips": obp.InverseProbabilityWeighting(lambda_=PARAMETERS["clipped-ips"]),
        "sg-ips": obp.SubGaussianInverseProbabilityWeighting(lambda_=PARAMETERS["sg-ips"]),
        "sg-dr": obp.SubGaussianDoublyRobust(lambda_=PARAMETERS["sg-dr"]),
    }


def inputs(feedback: Feedback, table: Any) -> dict[str, Any]:
    """Return what OBP wants, with distributions of shape (n, K, P)."""
    shape = (feedback.n, feedback.arms, feedback.positions)
    q = reward_table(feedback.positions, feedback.arms)
    return {
        "reward": feedback.reward,
        "action": feedback.arm,
        "position": feedback.position,
        "pscore": feedback.pscore,
        "action_dist": np.broadcast_to(table.T, shape),
        "estimated_rewards_by_reg_model": np.broadcast_to(q.T, shape),
    }


def values(obp: Any, feedback: Feedback) -> dict[str, float]:
    """Return the estimates by Allot's names."""
    shape = (feedback.positions, feedback.arms)
    asked = inputs(feedback, tilted_policy(*shape))
    answers: dict[str, float] = {}
    for name, estimator in estimators(obp).items():
        answers[name] = float(estimator.estimate_policy_value(**asked))
    asked = inputs(feedback, deterministic_policy(*shape))
    answers["replay"] = float(obp.ReplayMethod().estimate_policy_value(**asked))
    return answers


def slope_choice(obp: Any, feedback: Feedback) -> float:
    """Return the clipping threshold that OBP's SLOPE takes from the grid."""
    tuning = importlib.import_module("obp.ope.estimators_tuning")
    tuner = tuning.InverseProbabilityWeightingTuning(lambdas=GRID, tuning_method="slope")
    asked = inputs(feedback, tilted_policy(feedback.positions, feedback.arms))
    del asked["estimated_rewards_by_reg_model"]
    tuner.estimate_policy_value_with_tuning(**asked)
    return float(tuner.best_hyperparam)


def main(source: Path) -> None:
    """Write the reference values of both versions."""
    installed = importlib.util.find_spec("obp")
    if installed is None or installed.origin is None:
        sys.exit("obp is not installed")
    packages = {"0.4.1": Path(installed.origin).parent, "0.5.7": source / "obp"}
    document: dict[str, Any] = {"versions": {}, "slope": {"grid": GRID, "choice": {}}}
    # Read first: loading a version puts stand-ins in the place of the installed package.
    cases = all_cases()
    for version, package in packages.items():
        obp = load(package)
        document["versions"][version] = {
            name: values(obp, feedback) for name, feedback in cases.items()
        }
    for name, feedback in cases.items():
        document["slope"]["choice"][name] = slope_choice(obp, feedback)
    TARGET.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
