"""The models and maps of the hand-over's tests, for tests of commands."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_path = Path(__file__).resolve().parents[1] / "handover" / "conftest.py"
_spec = importlib.util.spec_from_file_location("adp3d_handover_fixtures", _path)
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

make_model, make_map, select = _fixtures.make_model, _fixtures.make_map, _fixtures.select
