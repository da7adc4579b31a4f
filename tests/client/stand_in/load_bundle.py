"""The bundle as the package ``chimerax.adp3d`` of the stand-in; ChimeraX installs it under that name."""

import importlib.util
import sys
from pathlib import Path


def load_bundle(source: Path) -> None:
    """Make the package known from where its sources are."""
    import chimerax

    spec = importlib.util.spec_from_file_location(
        "chimerax.adp3d", source / "__init__.py", submodule_search_locations=[str(source)]
    )
    chimerax.adp3d = sys.modules["chimerax.adp3d"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chimerax.adp3d)
