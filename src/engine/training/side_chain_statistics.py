"""Measure lengths, angles and fixed torsions of side chains, and peptide groups seen from CA atoms.

Run as ``python -m adp3d.training.side_chain_statistics DATA_FOLDER OUT``; DATA_FOLDER holds shards
``chains_full_*.npz`` and OUT is the JSON file that `adp3d.sidechain` ships. Values are medians, and standard
deviations that of a normal distribution with the same median absolute deviation: some residues of every
entry are wrong.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..sidechain.internal import angle, distance, torsion
from ..sidechain.templates import MSE, N_SLOTS, RESIDUE_NAMES, TEMPLATES, UNKNOWN_TYPE, ResidueTemplate
from .dataset import left_out_rows

__all__ = ["main", "measure"]

Array = NDArray[np.float64]

MAX_RESOLUTION = 1.8
"""Angstrom; refinement at lower resolution returns the restraints it was given."""
MAX_B_FACTOR = 40
SELENIUM_LENGTH = 1.88
"""CG-SD and SD-CE in angstrom between sulphur (1.80) and selenium (1.95): the shards call selenomethionine MET."""
SELENIUM_RESOLUTION = 2.5
"""For selenomethionine alone, which is rare."""
LEAST_RESIDUES = 30
_PEPTIDE_BOND = 2.0
_CIS = 3.4
"""CA-CA in angstrom between cis (2.95) and trans (3.81)."""
_NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


def _chains(folder: Path) -> Iterator[tuple[float, Array, NDArray[np.bool_], NDArray[np.uint8]]]:
    """Resolution, coordinates (L, 14, 3) in A, presence (L, 14) and types (L,); one chain for each 40 % cluster."""
    shards = sorted(folder.glob("chains_full_*.npz"))
    if not shards:
        raise InputError(f"No chains_full_*.npz in {folder}; give the folder of the structure shards.")
    left_out = left_out_rows(folder)
    rows = []
    for shard in shards:
        with np.load(shard, allow_pickle=False) as archive:
            data = {key: archive[key] for key in archive.files}
        usable = (data["split"] == "train") & (data["method"] == "XRAY") & (data["tier"] < 3)
        usable &= (data["resolution"] > 0) & (data["resolution"] <= SELENIUM_RESOLUTION)
        usable[list(left_out.get(shard.name, ()))] = False
        rows += [(float(data["resolution"][i]), int(data["c40"][i]), int(i), data) for i in np.flatnonzero(usable)]
    seen: set[int] = set()
    # the best of each cluster
    for resolution, cluster, i, data in sorted(rows, key=lambda row: row[:2]):
        if cluster not in seen:
            seen.add(cluster)
            residues, atoms = slice(*data["res_ptr"][i : i + 2]), slice(*data["atom_ptr"][i : i + 2])
            present = (data["atommask"][residues, None] >> np.arange(N_SLOTS) & 1).astype(bool)
            xyz = np.zeros((len(present), N_SLOTS, 3))
            xyz[present] = data["xyz"][atoms] * 0.01
            present[data["bfac"][residues] > MAX_B_FACTOR] = False
            yield resolution, xyz, present, data["aatype"][residues]


def measure(folder: Path) -> dict[str, object]:
    """Statistics of every residue type and of peptides, ready to be written as JSON.

    Parameters
    ----------
    folder : Path
        Holds the shards ``chains_full_*.npz``.

    Returns
    -------
    dict
        ``residues[name][atom]``: ``bond`` in A, ``angle`` and ``torsion`` in degrees, each with its standard
        deviation; ``count[name]``; ``peptide[kind]`` as `adp3d.sidechain.geometry_table.PeptideGeometry` has it.

    Raises
    ------
    InputError
        If the folder has no shards, or too few residues of a type.
    """
    found: dict[int, list[Array]] = defaultdict(list)
    peptides = []
    methionine = RESIDUE_NAMES.index("MET")
    for resolution, xyz, present, aatype in _chains(folder):
        met = xyz[(aatype == methionine) & present[:, : len(TEMPLATES["MET"].names)].all(1)]
        bonds = np.linalg.norm(met[:, 6:8] - met[:, 5:7], axis=-1)
        found[MSE].append(met[(bonds > SELENIUM_LENGTH).all(1)])
        if resolution > MAX_RESOLUTION:
            continue
        for kind, name in enumerate(RESIDUE_NAMES):
            size = len(TEMPLATES[name].names)
            whole = (aatype == kind) & present[:, :size].all(1)
            if kind == methionine:
                whole &= np.linalg.norm(xyz[:, 6] - xyz[:, 5], axis=-1) < SELENIUM_LENGTH
            if size > 4 and whole.any():
                found[kind].append(xyz[whole])
        peptides.append(_peptides(xyz, present))
    positions = {kind: np.concatenate(parts) for kind, parts in found.items()}
    wanted = [kind for kind, name in enumerate(RESIDUE_NAMES) if len(TEMPLATES[name].names) > 4]
    few = [RESIDUE_NAMES[kind] for kind in wanted if len(positions.get(kind, ())) < LEAST_RESIDUES]
    if few:
        raise InputError(f"The shards in {folder} have too few complete residues of type {', '.join(few)}.")
    return {
        "format": 1,
        "units": "angstrom and degrees, value and standard deviation; torsions of atoms that a chi turns are offsets",
        "data": f"X-ray chains to {MAX_RESOLUTION} A, B <= {MAX_B_FACTOR} A^2, the best of each 40 % identity cluster, "
        f"training split only; selenomethionine to {SELENIUM_RESOLUTION} A",
        "count": {RESIDUE_NAMES[kind]: len(positions[kind]) for kind in wanted},
        "residues": {
            name: _residue(TEMPLATES[name], positions[kind]) if kind in wanted else {}
            for kind, name in enumerate(RESIDUE_NAMES)
            if kind != UNKNOWN_TYPE
        },
        "peptide": _peptide_table(np.concatenate(peptides)),
    }


def _residue(template: ResidueTemplate, xyz: Array) -> dict[str, dict[str, list[float]]]:
    atom = {name: torch.from_numpy(xyz[:, i]) for i, name in enumerate(template.names)}
    chi = {k: torsion(*(atom[name] for name in template.chi_atoms(k))) for k in range(1, template.n_chi + 1)}
    rows = {}
    for one in template.side_chain:
        a, b, c = (atom[name] for name in one.references)
        x = atom[one.name]
        turn = torsion(a, b, c, x) - (chi[one.chi] if one.chi else 0.0)
        rows[one.name] = {
            "bond": _spread(distance(c, x).numpy(), 4),
            "angle": _spread(np.rad2deg(angle(b, c, x).numpy()), 2),
            "torsion": _circular(turn.numpy()),
        }
    return rows


def _spread(values: Array, digits: int) -> list[float]:
    """Median and robust standard deviation."""
    middle = float(np.median(values))
    return [round(middle, digits), round(_NORMAL * float(np.median(np.abs(values - middle))), digits)]


def _circular(radians: Array) -> list[float]:
    """Median and robust standard deviation of an angle, in degrees from -180 to 180."""
    centre = np.angle(np.exp(1j * radians).mean())
    off = np.rad2deg(np.angle(np.exp(1j * (radians - centre))))
    middle, spread = _spread(off, 4)
    value = (np.rad2deg(centre) + middle + 180.0) % 360.0 - 180.0
    return [round(float(value), 2), round(spread, 2)]


def _peptides(xyz: Array, present: NDArray[np.bool_]) -> Array:
    """CA-CA distance, then for C, O and the next N the place along the line of CA and the way off it, (P, 7)."""
    bonded = present[:-1, :4].all(1) & present[1:, :4].all(1)
    bonded &= np.linalg.norm(xyz[1:, 0] - xyz[:-1, 2], axis=-1) < _PEPTIDE_BOND
    here, following = xyz[:-1][bonded], xyz[1:][bonded]
    line = following[:, 1] - here[:, 1]
    length = np.linalg.norm(line, axis=-1, keepdims=True)
    unit = line / length
    to_o = here[:, 3] - here[:, 1]
    side = to_o - (to_o * unit).sum(-1, keepdims=True) * unit
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    columns = [length[:, 0]]
    for atom in (here[:, 2], here[:, 3], following[:, 0]):
        off = atom - here[:, 1]
        columns += [(off * unit).sum(-1) / length[:, 0], (off * side).sum(-1)]
    return np.stack(columns, -1)


def _peptide_table(rows: Array) -> dict[str, dict[str, object]]:
    table = {}
    for name, chosen in (("trans", rows[:, 0] >= _CIS), ("cis", rows[:, 0] < _CIS)):
        if chosen.sum() < LEAST_RESIDUES:
            raise InputError(f"The shards have too few {name} peptides to measure.")
        middle = np.median(rows[chosen], axis=0).round(4).tolist()
        table[name] = {
            "count": int(chosen.sum()), "ca_distance": middle[0], "along": middle[1::2], "across": middle[2::2],
        }  # fmt: skip
    return table


def main(arguments: list[str] | None = None) -> None:
    """Command line: measure the shards in a folder and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data_folder", type=Path, help="folder with chains_full_*.npz")
    parser.add_argument("out", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    options.out.write_text(json.dumps(measure(options.data_folder), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
