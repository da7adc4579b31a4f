"""Backbone geometry against ideal values: bonds, angles, omega, chirality, chain breaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..structure.ideal_geometry import ANGLES, BONDS
from .torsions import angle, backbone_torsions, distance

__all__ = [
    "BackboneGeometry",
    "backbone_geometry",
    "ca_breaks",
    "chiral_volume",
    "d_amino_acids",
    "z_scores",
]

_CIS_PROLINE_C_N_CA = (127.0, 2.4)
_NEXT_PROLINE = ("C-N", "CA-C-O", "CA-C-N", "O-C-N")  # proline column by the following residue
OUTLIER_Z = 4.0
CIS_LIMIT, TRANS_LIMIT = 30.0, 150.0


@dataclass(frozen=True)
class BackboneGeometry:
    """Summary of the backbone geometry of one model.

    Parameters
    ----------
    rmsz_bonds, rmsz_angles : float
        ``sqrt(mean z^2)`` over all bonds and all angles; about 0.5 to 1 for well refined models,
        NaN if there is none.
    outliers : int
        Bonds and angles with ``|z| > 4``.
    breaks : tuple of int
        Residues i that should be bonded to i + 1 and are not (`ca_breaks`, or C-N beyond 2.0 A).
    cis_proline, cis_other, twisted : tuple of int
        Residues i whose peptide bond to i + 1 is cis (|omega| < 30 degrees), before proline or before
        another residue, or neither cis nor trans (30 to 150 degrees).
    d_residues : tuple of int
        Residues with the wrong hand at CA; empty where no CB was given.
    """

    rmsz_bonds: float
    rmsz_angles: float
    outliers: int
    breaks: tuple[int, ...]
    cis_proline: tuple[int, ...]
    cis_other: tuple[int, ...]
    twisted: tuple[int, ...]
    d_residues: tuple[int, ...]

    def to_dict(self) -> dict[str, float | int | list[int]]:
        """Plain values for a JSON report."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}


def backbone_geometry(
    x: NDArray[np.floating],
    sequence: str,
    linked: NDArray[np.bool_],
    cb: NDArray[np.floating] | None = None,
) -> BackboneGeometry:
    """Compare a backbone with ideal geometry.

    Parameters
    ----------
    x : ndarray, shape (N, 4, 3)
        N, CA, C, O in A; missing atoms are NaN and leave out what they belong to.
    sequence : str
        N one-letter codes.
    linked : ndarray of bool, shape (N - 1,)
        Residues followed by the next one on the sequence (`torsions.linked_residues`).
    cb : ndarray, shape (N, 3), optional
        CB positions in A, NaN where there is none; needed to see D-amino acids, since the four
        backbone atoms alone do not define the hand of CA.

    Returns
    -------
    BackboneGeometry
    """
    x = np.asarray(x, np.float64)
    z = z_scores(x, sequence, linked)
    omega = np.abs(backbone_torsions(x, linked).omega[:-1])
    before_proline = np.array([code == "P" for code in sequence[1:]], dtype=bool)
    cis, twisted = omega < CIS_LIMIT, (omega >= CIS_LIMIT) & (omega <= TRANS_LIMIT)
    peptide = distance(x[:-1, 2], x[1:, 0])
    broken = ca_breaks(x[:, 1], linked) | (linked & (peptide > 2.0))
    bonds = np.concatenate([z[name] for name in BONDS])
    angles = np.concatenate([z[name] for name in ANGLES])
    wrong_hand = np.zeros(len(sequence), bool) if cb is None else d_amino_acids(x, cb)
    return BackboneGeometry(
        rmsz_bonds=_root_mean_square(bonds),
        rmsz_angles=_root_mean_square(angles),
        outliers=int((np.abs(np.concatenate([bonds, angles])) > OUTLIER_Z).sum()),
        breaks=_indices(broken),
        cis_proline=_indices(cis & before_proline & ~broken),
        cis_other=_indices(cis & ~before_proline & ~broken),
        twisted=_indices(twisted & ~broken),
        d_residues=_indices(wrong_hand),
    )


def z_scores(x: NDArray[np.floating], sequence: str, linked: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """``(value - ideal) / sigma`` of each bond and angle; arrays of shape (N,), NaN where undefined.

    ``C-N``, ``CA-C-N``, ``O-C-N`` and ``C-N-CA`` belong to the residue before the peptide bond.
    Parameters are those of `backbone_geometry`.
    """
    x = np.asarray(x, np.float64)
    n, ca, c, o = np.moveaxis(x, -2, 0)
    following = np.full_like(x[:, 0], np.nan)
    following_ca = following.copy()
    following[:-1] = np.where(linked[:, None], n[1:], np.nan)
    following_ca[:-1] = np.where(linked[:, None], ca[1:], np.nan)
    measured = {
        "N-CA": distance(n, ca),
        "CA-C": distance(ca, c),
        "C-O": distance(c, o),
        "C-N": distance(c, following),
        "N-CA-C": angle(n, ca, c),
        "CA-C-O": angle(ca, c, o),
        "CA-C-N": angle(ca, c, following),
        "O-C-N": angle(o, c, following),
        "C-N-CA": angle(c, following, following_ca),
    }
    kind = np.array([{"G": 1, "P": 2}.get(code, 0) for code in sequence], np.int64)
    next_kind = np.append(np.where(linked, kind[1:], 0), 0)
    own = np.where(kind == 2, 0, kind)  # across the peptide bond only the next residue counts as proline
    scores: dict[str, NDArray[np.float64]] = {}
    for name, table in (*BONDS.items(), *ANGLES.items()):
        if name == "C-N-CA":
            column = next_kind
        elif name in _NEXT_PROLINE:
            column = np.where(next_kind == 2, 2, own)
        else:
            column = kind
        ideal, sigma = np.array(table)[column].T
        if name == "C-N-CA":
            cis = (np.abs(backbone_torsions(x, linked).omega) < CIS_LIMIT) & (next_kind == 2)
            ideal = np.where(cis, _CIS_PROLINE_C_N_CA[0], ideal)
            sigma = np.where(cis, _CIS_PROLINE_C_N_CA[1], sigma)
        scores[name] = (measured[name] - ideal) / sigma
    return scores


def ca_breaks(ca: NDArray[np.floating], linked: NDArray[np.bool_], longest: float = 4.2) -> NDArray[np.bool_]:
    """Linked residues whose CA-CA distance exceeds `longest` A (trans 3.8, cis 2.95); shape (..., N - 1).

    `ca` has shape (..., N, 3) in A; pairs with a NaN position are not breaks.
    """
    ca = np.asarray(ca, np.float64)
    return linked & (distance(ca[..., :-1, :], ca[..., 1:, :]) > longest)


def chiral_volume(x: NDArray[np.floating], cb: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(N - CA) . ((C - CA) x (CB - CA))`` in A^3; shape (..., N).

    About +2.5 for L-amino acids and -2.5 for D; NaN where an atom is missing (glycine, for one).
    """
    x = np.asarray(x, np.float64)
    ca = x[..., 1, :]
    volume: NDArray[np.float64] = (
        (x[..., 0, :] - ca) * np.cross(x[..., 2, :] - ca, np.asarray(cb, np.float64) - ca)
    ).sum(-1)
    return volume


def d_amino_acids(x: NDArray[np.floating], cb: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Residues whose `chiral_volume` is negative; False where it is undefined. Shape (..., N)."""
    return chiral_volume(x, cb) < 0.0


def _root_mean_square(values: NDArray[np.float64]) -> float:
    values = values[np.isfinite(values)]
    return float(np.sqrt((values**2).mean())) if values.size else float("nan")


def _indices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(mask))
