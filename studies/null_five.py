"""The null experiment with five arms."""

from studies.null import of_arms
from studies.table import Study


def study() -> Study:
    """Simulate five equal arms at 5 %, at every floor that they allow, under every policy."""
    return of_arms(5, "null_five")
