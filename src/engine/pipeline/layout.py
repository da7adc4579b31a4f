"""The residues of a job and a first full-length model, for whoever shows it live."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contract.messages import Layout
from ..placing.target import Target
from ..structure.course import plausible_backbone
from ..structure.polymer import Polymer
from ..structure.residues import three_letter
from ..validation.torsions import linked_residues

__all__ = ["layout_of_polymer", "layout_of_target"]


def layout_of_target(target: Target) -> Layout:
    """Layout of a job that starts from a model: its known atoms where they are."""
    return _layout(target.polymer, target.labels, target.names, target.known[:, 1], target.xyz)


def layout_of_polymer(polymer: Polymer, labels: Sequence[tuple[str, int, str]]) -> Layout:
    """Layout of a job that starts from sequences: each chain on a helix."""
    names = [three_letter(letter) for letter in polymer.sequence]
    n = polymer.n_residues
    return _layout(polymer, labels, names, np.zeros(n, dtype=bool), np.full((n, 4, 3), np.nan))


def _layout(
    polymer: Polymer,
    labels: Sequence[tuple[str, int, str]],
    names: Sequence[str],
    known: NDArray[np.bool_],
    xyz: NDArray[np.float64],
) -> Layout:
    return Layout(
        job_id="",
        chains=[chain for chain, _, _ in labels],
        numbers=[number for _, number, _ in labels],
        insertion_codes=[code.strip() for _, _, code in labels],
        names=list(names),
        known=known.tolist(),
        links=[*linked_residues(polymer).tolist(), False],
        coordinates=plausible_backbone(xyz, polymer.chain_index)[None].astype(np.float32),
    )
