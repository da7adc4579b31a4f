"""The larger test data, which not every checkout has beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_file(name: str) -> Path:
    """A file of the folder `ADP3D_DATA`, or of ``shared/data`` beside a folder that this one is in; else skip."""
    named = os.environ.get("ADP3D_DATA")
    places = [Path(named)] if named else [folder / "shared" / "data" for folder in Path(__file__).parents]
    folder = next((place for place in places if (place / "maps").is_dir()), None)
    if folder is None:
        pytest.skip("the folder of test data (ADP3D_DATA) is not here")
    return folder / name
