"""Experiments as TOML files, each named by its slug."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from include.errors import ExperimentError
from include.experiments.schema import Experiment


def load(path: Path) -> Experiment:
    """Read an experiment from its TOML file.

    Raises
    ------
    ExperimentError
        If the file is not TOML, breaks the schema, or is not named by its slug.
    """
    try:
        experiment = Experiment.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path.name} is not valid TOML: {error}") from error
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'experiment'}: {part['msg']}"
            for part in error.errors()
        )
        raise ExperimentError(f"{path.name}: {reasons}") from error
    if path.stem != experiment.slug:
        raise ExperimentError(
            f"{path.name} declares slug {experiment.slug!r}; name the file {experiment.slug}.toml"
        )
    return experiment


def load_all(folder: Path) -> dict[str, Experiment]:
    """Read every experiment of a folder, by slug."""
    return {path.stem: load(path) for path in sorted(folder.glob("*.toml"))}
