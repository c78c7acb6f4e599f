"""Posteriors of arm means: Beta, Normal and Student-t, one array entry per arm."""

from include.bandit.posterior.beta import BetaPosterior
from include.bandit.posterior.family import Posterior
from include.bandit.posterior.normal import NormalPosterior
from include.bandit.posterior.student import StudentPosterior

__all__ = ["BetaPosterior", "NormalPosterior", "Posterior", "StudentPosterior"]
