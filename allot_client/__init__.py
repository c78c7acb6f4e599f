"""A small typed client of Allot's API: decide, reward, and an answer when the API is away."""

from allot_client.answers import Allocation, Decision, Exposure, Reward
from allot_client.asynchronous import AsyncAllot
from allot_client.client import Allot
from allot_client.errors import AllotError, RefusedError, UnavailableError

__all__ = [
    "Allocation",
    "Allot",
    "AllotError",
    "AsyncAllot",
    "Decision",
    "Exposure",
    "RefusedError",
    "Reward",
    "UnavailableError",
]
