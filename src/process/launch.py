"""Run the engine of this bundle with another Python: ``python -I launch.py ENGINE_FOLDER ARGUMENTS``.

ChimeraX keeps the engine in a folder named ``engine``; its package is named ``adp3d``. Started this way,
the engine is always the one of the bundle, whatever version the environment may hold.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

__all__ = ["load_engine"]


def load_engine(folder: str) -> None:
    """Make the engine in a folder known under its own name, ``adp3d``."""
    start = Path(folder) / "__init__.py"
    spec = spec_from_file_location("adp3d", start, submodule_search_locations=[folder])
    if spec is None or spec.loader is None or not start.is_file():
        raise ImportError(f"there is no engine in {folder}")
    package = module_from_spec(spec)
    sys.modules["adp3d"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_engine(sys.argv.pop(1))
    sys.exit(import_module("adp3d.cli").main())
