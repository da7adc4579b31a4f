"""Beads that scatter X-rays in water like the residues of a protein: two each, backbone and side chain.

The contrast of an atom is its form factor less that of the water it displaces. Beads stand for their atoms turned at
random about the bead: that is what makes a curve cheap, and what limits it to q below 0.5 1/angstrom.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..physics.pseudo_atoms import local_frames
from ..structure.polymer import AMINO_ACIDS
from ..structure.residue_templates import TEMPLATES

__all__ = ["HYDROGENS", "WATER", "Beads", "contrast", "displaced_water", "make_beads"]

WATER = 0.334
"""Electrons per cubic angstrom of water at room temperature."""
_VOLUME = {"H": 5.15, "C": 16.44, "N": 2.49, "O": 9.13, "S": 19.86}
"""Displaced volumes in cubic angstrom: Fraser, MacRae and Suzuki, J. Appl. Cryst. 11, 693 (1978), as CRYSOL uses them
(Svergun, Barberato and Koch, J. Appl. Cryst. 28, 768 (1995)); those of CH, CH2, OH, ... are their sums."""
HYDROGENS = dict(zip(AMINO_ACIDS, (3, 11, 4, 2, 3, 6, 4, 0, 5, 9, 9, 11, 7, 7, 6, 3, 5, 8, 7, 7), strict=True))
"""Of side chains as they are at pH 7."""
_BACKBONE = np.array([[-0.5222, 1.3613, 0.0], [0.0, 0.0, 0.0], [1.525, 0.0, 0.0], [2.154, -1.061, 0.0]])
"""N, CA, C, O of a residue in its own frame (CA-C along x), in angstrom; Engh and Huber's bonds and angles."""
_TABLE = "side_chain_pseudo_atoms.json"


@dataclass(frozen=True)
class Beads:
    """Beads of N residues: N of the backbone, then one for each side chain.

    Attributes
    ----------
    residue : Tensor of int64, shape (M - N,)
        Residues of the side-chain beads.
    local : Tensor, shape (M - N, 3)
        Places of the side-chain beads in the frames of their residues, in angstrom.
    weights : Tensor, shape (4,)
        Shares of N, CA, C and O in the place of the backbone's bead.
    amplitude : Tensor, shape (M, Q)
        Contrast of each bead in electrons, averaged over its orientation.
    displaced : Tensor, shape (M, Q)
        Part of it that is taken away because of the water that the bead's atoms displace.
    own : Tensor, shape (Q,)
        Sum of the intensities of single beads, in electrons squared.
    """

    residue: Tensor
    local: Tensor
    weights: Tensor
    amplitude: Tensor
    displaced: Tensor
    own: Tensor

    def places(self, x: Tensor) -> Tensor:
        """Beads of backbones x (replica, N, 4, 3), shape (replica, M, 3), in angstrom."""
        backbone = (self.weights[:, None] * x).sum(-2)
        frames = local_frames(x)[..., self.residue, :, :]
        side = x[..., self.residue, 1, :] + (self.local[..., None] * frames).sum(-2)
        return torch.cat([backbone, side], dim=-2)

    def outermost(self, places: Tensor) -> Tensor:
        """Of beads (replica, M, 3) the last one of each residue, (replica, N, 3): its side chain, if it has one."""
        count = self.amplitude.shape[0] - len(self.residue)
        last = places[..., :count, :].clone()
        last[..., self.residue, :] = places[..., count:, :]
        return last


def contrast(element: str, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Form factor of an atom less that of the water it displaces, in electrons.

    Form factors are those of International Tables, volume C, table 6.1.1.4, as carried by gemmi.
    """
    table = gemmi.Element(element).it92
    vacuum = np.array([table.calculate_sf(float(s2)) for s2 in (q / (4.0 * math.pi)) ** 2])
    return np.asarray(vacuum - displaced_water(element, q))


def displaced_water(element: str, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Form factor of the water that an atom displaces, in electrons: a Gaussian of the atom's volume."""
    volume = _VOLUME[element]
    return np.asarray(WATER * volume * np.exp(-(q**2) * volume ** (2.0 / 3.0) / (4.0 * math.pi)))


def make_beads(
    aatype: NDArray[np.int64], q: NDArray[np.float64], device: torch.device | str, dtype: torch.dtype = torch.float32
) -> Beads:
    """Beads of residues with types ``aatype`` (N,), indices into `AMINO_ACIDS`; unknown ones are alanine.

    Parameters
    ----------
    aatype : ndarray of int64, shape (N,)
    q : ndarray, shape (Q,)
        In 1/angstrom.
    device, dtype
        Of the tensors.
    """
    codes = [AMINO_ACIDS[kind] if kind < len(AMINO_ACIDS) else "A" for kind in aatype]
    atoms = {e: np.stack([contrast(e, q), displaced_water(e, q)]) for e in _VOLUME}
    backbone = {code: _backbone(code, atoms, q) for code in set(codes)}
    side = {code: _side_chain(code, atoms, q) for code in set(codes) - {"G"}}
    residue = [i for i, code in enumerate(codes) if code != "G"]
    parts = [backbone[code] for code in codes] + [side[codes[i]] for i in residue]

    def tensor(values: object) -> Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float64), device=device, dtype=dtype)

    return Beads(
        residue=torch.as_tensor(np.array(residue, dtype=np.int64), device=device),
        local=tensor(np.reshape([side[codes[i]].centre for i in residue], (-1, 3))),
        weights=tensor(_backbone_weights()),
        amplitude=tensor([part.amplitude[0] for part in parts]),
        displaced=tensor([part.amplitude[1] for part in parts]),
        own=tensor(np.sum([part.own for part in parts], axis=0)),
    )


@dataclass(frozen=True)
class _Bead:
    centre: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    own: NDArray[np.float64]


def _bead(
    places: NDArray[np.float64],
    centre: NDArray[np.float64],
    spread: NDArray[np.float64],
    values: NDArray[np.float64],
    q: NDArray[np.float64],
) -> _Bead:
    """Sites (S, 3) with a spread per axis (S,) and values (S, 2, Q), turned at random about a centre.

    Values are contrast and displaced water; a bead's own intensity is that of the contrast.
    """
    blurred = values * np.exp(-0.5 * spread[:, None, None] ** 2 * q**2)
    from_centre = np.linalg.norm(places - centre, axis=-1)
    between = np.linalg.norm(places[:, None] - places, axis=-1)
    amplitude = (blurred * _sinc(from_centre[:, None, None] * q)).sum(0)
    own = np.einsum("sq,tq,stq->q", blurred[:, 0], blurred[:, 0], _sinc(between[..., None] * q))
    return _Bead(centre, amplitude, own)


def _backbone(code: str, atoms: dict[str, NDArray[np.float64]], q: NDArray[np.float64]) -> _Bead:
    hydrogens = (0 if code == "P" else 1, 2 if code == "G" else 1, 0, 0)
    values = np.array([atoms[e] + count * atoms["H"] for e, count in zip("NCCO", hydrogens, strict=True)])
    return _bead(_BACKBONE, _backbone_weights() @ _BACKBONE, np.zeros(4), values, q)


def _backbone_weights() -> NDArray[np.float64]:
    """Electrons of N, CA, C and O."""
    electrons = np.array([7.0, 6.0, 6.0, 8.0])
    return np.asarray(electrons / electrons.sum())


def _side_chain(code: str, atoms: dict[str, NDArray[np.float64]], q: NDArray[np.float64]) -> _Bead:
    """All atoms of a side chain, in shares at its CB and its sites, as in `adp3d.physics.pseudo_atoms`."""
    entry = _sites()[code]
    sites = [(entry["cb"], 0.0, 1.0)] + [(s["position"], s["sigma"], s["weight"]) for s in entry["sites"]]
    places, spread, weight = (np.array(column, dtype=np.float64) for column in zip(*sites, strict=True))
    share = weight / weight.sum()
    name = gemmi.expand_one_letter(code, gemmi.ResidueKind.AA)
    elements = [*(atom.element for atom in TEMPLATES[name].side_chain), *("H" * HYDROGENS[code])]
    total = np.sum([atoms[element] for element in elements], axis=0)
    return _bead(places, share @ places, spread, share[:, None, None] * total, q)


@lru_cache(maxsize=1)
def _sites() -> dict[str, dict[str, list]]:  # type: ignore[type-arg]
    file = resources.files("adp3d.physics") / "data" / _TABLE
    residues: dict[str, dict[str, list]] = json.loads(file.read_text("utf-8"))["residues"]  # type: ignore[type-arg]
    return residues


def _sinc(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """sin(x) / x."""
    return np.sinc(x / math.pi)
