"""Finding the Open Bandit Dataset on disk."""

import importlib.util
from pathlib import Path
from typing import Final

from include.errors import SourceError

PACKAGED_SAMPLE: Final = "obp sample"


def locate(source: str) -> Path:
    """Find the folder that a source names.

    Parameters
    ----------
    source
        ``obp sample`` for the 10,000-row logs that the obp package carries, else the
        folder of a release, which holds ``<policy>/<campaign>/<campaign>.csv``.

    Raises
    ------
    SourceError
        If there is no such folder or package.
    """
    if source == PACKAGED_SAMPLE:
        # Found without importing obp, which would need torch.
        spec = importlib.util.find_spec("obp")
        if spec is None or not spec.submodule_search_locations:
            raise SourceError(
                "the obp package is not installed, so there is no sample; "
                "install requirements/pipeline.txt or name a folder"
            )
        return Path(spec.submodule_search_locations[0]) / "dataset" / "obd"
    root = Path(source).expanduser()
    if not root.is_dir():
        raise SourceError(
            f"source folder {source} does not exist here; name a folder that holds "
            f"<policy>/<campaign>/<campaign>.csv, or {PACKAGED_SAMPLE!r}"
        )
    return root
