"""The null experiment with ten arms."""

from studies.null import of_arms
from studies.table import Study


def study() -> Study:
    """Simulate ten equal arms at 5 %, at every floor that they allow, under every policy."""
    return of_arms(10, "null_ten")
