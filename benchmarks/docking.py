"""Find where models lie in maps.

Usage: ``python benchmarks/docking.py --data FOLDER [--out FOLDER] [--chains 24] [--chimerax PATH] ...``.

- ``calibration.csv``: chains of the validation split in maps simulated at 3 to 8 A under random conditions, each map
  searched with its own protein, moved at random, as it is and bent by a smooth field of 3 A, and with two others;
  ``thresholds.csv``: how many of the right places would be found, and how many wrong ones taken, at each z. A run that
  was stopped goes on with the searches that are missing.
- ``docking.csv``: models of experimental maps, moved away at random, and proteins that the maps do not show. Errors are
  those of each chain as a rigid body: way of its centre and angle. Copies of a protein may change places, and those of
  a predicted assembly (3isr) belong where they fit best near where it has them. Seconds are those of the processor, on
  one core with one thread; ``z`` is the least of those placed, or the highest if nothing was.

With ``--chimerax`` the global search of ChimeraX's own ``fitmap`` gets the same models, maps and resolutions; it fits
whole models, and leaves it to the user to tell right places from wrong ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import gemmi
import numpy as np
from command import begin, positive, run_command
from docking_cases import (
    CASES,
    Case,
    Guest,
    ca_positions,
    calibration_chains,
    moved_away,
    read_case,
    simulated,
    true_places,
)
from docking_rival import fitmap
from numpy.typing import NDArray
from report import Row, Table, write_table
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from adp3d.density.map import DensityMap
from adp3d.fitting.body import Atoms
from adp3d.fitting.placement import find_places
from adp3d.fitting.standing import LEAST_Z, judge_places
from adp3d.pipeline.dock import dock_models
from adp3d.validation.superpose import kabsch

_RESOLUTIONS = (3.0, 4.0, 5.0, 6.0, 8.0)
_THRESHOLDS = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0)
_BEND = 3.0
"""Angstrom: root mean square of the field that bends models, as predictions are over their length."""
_NOWHERE, _FAR = (float("inf"), 180.0), 1e6
"""Error of a chain that has no true place, and the way in angstrom that stands for it when places are shared out."""
_NEAR, _NEAR_ANGLE = 2.0, 5.0
"""Angstrom and degrees within which a place is right; twice as much of a bent model, whose best place is vague."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with structures/, maps/ and targets/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "docking")
    parser.add_argument("--chains", type=int, default=24, help="validation chains for the calibration; 0 leaves it out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--cases", nargs="*", help="experimental maps, by name; none leaves them out")
    parser.add_argument("--chimerax", type=Path, help="program of ChimeraX, whose fitmap is run as well")
    parser.add_argument("--searches", type=positive, default=100, help="starting places of fitmap")
    options = parser.parse_args()
    begin(options)
    if options.chains:
        calibrate(options.data, options.out, options.chains, options.seed)
    chosen = [case for case in CASES if options.cases is None or case.name in options.cases]
    if chosen:
        dock_cases(options, chosen)
    if options.chimerax is None:
        print("ChimeraX's fitmap was not run: name the program with --chimerax.")


def calibrate(data: Path, out: Path, count: int, seed: int) -> None:
    """How far right and wrong places of validation chains stand out."""
    table = Table(out / "calibration.csv")
    table.restore(("map", "protein"))
    done = {(row["map"], row["protein"], row["bent"]) for row in table.rows}
    rng = np.random.default_rng(seed)
    guests = calibration_chains(data, count, seed)
    for number, guest in enumerate(guests):
        resolution = _RESOLUTIONS[number % len(_RESOLUTIONS)]
        density = simulated(guest, resolution, rng)
        motions = [(Rotation.random(rng=rng).as_matrix(), rng.normal(size=3) * 40) for _ in range(3)]
        bent = Guest(guest.name, guest.scatterers, guest.bent(_BEND, seed + number), guest.ca, _BEND)
        bodies = [guest, *(guests[(number + other) % count] for other in (1, 2)), bent]
        for body, motion in zip(bodies, [*motions, motions[0]], strict=True):
            if (guest.name, body.name, body.bend) not in done:
                table.add(_search(density, resolution, guest, body, *motion))
                print(table.rows[-1], flush=True)
    write_table(out / "thresholds.csv", list(_thresholds(table.rows)))


def _search(
    density: DensityMap,
    resolution: float,
    guest: Guest,
    body: Guest,
    turn: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> Row:
    away = Atoms(body.atoms.xyz @ turn.T + shift, body.atoms.weight)
    places = find_places(density, away, resolution)
    standing = judge_places([place.correlation for place in places]) if len(places) >= 4 else None
    own = guest.name == body.name
    errors = [_error(place.apply(body.ca @ turn.T + shift), body.ca) for place in places[:1]] if own else []
    return {
        "map": guest.name,
        "resolution": resolution,
        "protein": body.name,
        "bent": body.bend,
        "residues": len(body.ca),
        "own": int(own),
        "z": 0.0 if standing is None else standing.z,
        "count": 0 if standing is None else standing.count,
        "correlation": places[0].correlation if places else 0.0,
        "next": 0.0 if standing is None else standing.next,
        "shift": errors[0][0] if errors else None,
        "angle": errors[0][1] if errors else None,
    }


def _thresholds(rows: list[Row]) -> Iterator[Row]:
    """Right places found and wrong ones taken from each z on."""
    right = [row for row in rows if row["own"] and _right(row["shift"], row["angle"], 2.0 if row["bent"] else 1.0)]
    wrong = [row for row in rows if row not in right]
    exact, bent = ([row for row in right if bool(row["bent"]) == is_bent] for is_bent in (False, True))
    for z in _THRESHOLDS:
        yield {
            "z": z,
            "right": len(exact),
            "found": sum(float(row["z"]) >= z for row in exact),  # type: ignore[arg-type]
            "bent": len(bent),
            "bent_found": sum(float(row["z"]) >= z for row in bent),  # type: ignore[arg-type]
            "wrong": len(wrong),
            "taken": sum(float(row["z"]) >= z for row in wrong),  # type: ignore[arg-type]
            "used": int(z == LEAST_Z),
        }


def _right(shift: object, angle: object, slack: float = 1.0) -> bool:
    numbers = isinstance(shift, int | float) and isinstance(angle, int | float)
    return numbers and shift < slack * _NEAR and angle < slack * _NEAR_ANGLE  # type: ignore[operator]


def dock_cases(options: argparse.Namespace, cases: list[Case]) -> None:
    """Models of experimental maps, moved away and searched."""
    table = Table(options.out / "docking.csv")
    for case in cases:
        density, structure = read_case(options.data, case)
        truth = true_places(density, structure, case) if case.present and case.truth else []
        rng = np.random.default_rng(options.seed + 1)
        away = moved_away(structure, rng, together=case.name != "3isr-5A")
        start = time.process_time()
        docking = dock_models(density, [away], case.resolution, told=print)
        row = _row(case, "adp3d dock", truth, docking.structures[0], time.process_time() - start)
        placed = [body for body in docking.parts if body.place is not None and body.standing is not None]
        row |= {
            "placed": len(placed),
            "z": min(body.standing.z for body in placed if body.standing)
            if placed
            else max(body.standing.z for body in docking.parts if body.standing),
            "correlation": min((body.place.correlation for body in placed if body.place), default=None),
        }
        table.add(row)
        print(row, flush=True)
        if options.chimerax is not None:
            path = options.data / "maps" / case.name / "map.mrc"
            fit = fitmap(options.chimerax, path, away, case.resolution, options.searches)
            row = _row(case, "fitmap", truth, fit.structure, fit.seconds)
            table.add({**row, "placed": len(away[0]), "z": None, "correlation": fit.correlation})
            print(table.rows[-1], flush=True)


def _row(
    case: Case, program: str, truth: Sequence[NDArray[np.float64]], found: gemmi.Structure, seconds: float
) -> dict[str, object]:
    chains = list(ca_positions(found))
    errors = chain_errors(chains, truth)
    return {
        "map": case.name,
        "model": Path(case.model).stem,
        "present": int(case.present),
        "program": program,
        "chains": len(chains),
        "right": sum(_right(*error) for error in errors) if errors else None,
        "shift": max((e[0] for e in errors), default=None),
        "angle": max((e[1] for e in errors), default=None),
        "seconds": seconds,
    }


def chain_errors(
    chains: Sequence[NDArray[np.float64]], truth: Sequence[NDArray[np.float64]]
) -> list[tuple[float, float]]:
    """Way and angle (`_error`) of each chain from a true place of its own, such that the ways are least in sum.

    Chains belong to places of as many residues; one for which there is none, or none is left, is infinitely far off.
    Without any true places, there are no errors.
    """
    if not truth:
        return []
    errors = [[_error(own, place) if len(place) == len(own) else _NOWHERE for place in truth] for own in chains]
    ways = np.array([[way for way, _ in row] for row in errors])
    rows, places = linear_sum_assignment(np.minimum(ways, _FAR))
    taken = dict(zip(rows.tolist(), places.tolist(), strict=True))
    return [errors[row][taken[row]] if row in taken else _NOWHERE for row in range(len(chains))]


def _error(found: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float]:
    """Way of the centre in angstrom and angle in degrees from one place of a chain to another."""
    rotation = kabsch(found, truth).rotation
    angle = float(np.degrees(Rotation.from_matrix(rotation).magnitude()))
    return float(np.linalg.norm(found.mean(0) - truth.mean(0))), angle


if __name__ == "__main__":
    run_command(main)
