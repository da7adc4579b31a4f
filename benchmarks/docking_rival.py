"""ChimeraX's own global search, ``fitmap`` with ``search``, run in a ChimeraX of the user's."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import gemmi

from adp3d.contract.errors import InputError
from adp3d.structure.read import read_structure

__all__ = ["Fitted", "fitmap"]

_FINEST = 5.0
"""Angstrom."""
_SCRIPT = """
import json, sys, time
from chimerax.core.commands import run
density, model, resolution, searches, seed, result, told = sys.argv[1:]
volume = run(session, f'open "{density}"')[0]
atoms = run(session, f'open "{model}"')[0]
run(session, f'volume #{volume.id_string} step 1')
start = time.process_time()
search = f'metric correlation search {searches} seed {seed} levelInside 0'
fits = run(session, f'fitmap #{atoms.id_string} inMap #{volume.id_string} resolution {resolution} {search}')
seconds = time.process_time() - start
best = max(fits, key=lambda fit: fit.correlation())
best.place_models(session)
run(session, f'save "{result}" models #{atoms.id_string} relModel #{volume.id_string}')
with open(told, 'w') as file:
    json.dump({'seconds': seconds, 'correlation': float(best.correlation())}, file)
"""


@dataclass(frozen=True)
class Fitted:
    """What the search gave.

    Attributes
    ----------
    structure : gemmi.Structure
        The model at its best place.
    correlation : float
    seconds : float
        Of the processor, for the search alone, without ChimeraX's start.
    """

    structure: gemmi.Structure
    correlation: float
    seconds: float


def fitmap(program: Path, density: Path, structure: gemmi.Structure, resolution: float, searches: int) -> Fitted:
    """Fit a whole model by local optimisation of the correlation from random starting places.

    The model is shown at 5 A or coarser, as in the example of ChimeraX's manual: sharper ones hardly ever find it.

    Raises
    ------
    InputError
        If the program fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script, model, result, told = (folder / n for n in ("fit.py", "model.cif", "result.cif", "told.json"))
        script.write_text(_SCRIPT)
        structure.make_mmcif_document().write_file(str(model))
        given = [density, model, max(resolution, _FINEST), searches, 0, result, told]
        words = " ".join(f"'{word}'" for word in (script, *given))
        command = [str(program), "--nogui", "--exit", "--script", words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not told.is_file():
            raise InputError(f"{program} could not run fitmap: {(done.stderr or done.stdout).strip()[-400:]}")
        figures = json.loads(told.read_text())
        return Fitted(read_structure(result), figures["correlation"], figures["seconds"])
