"""Peptide groups of samples built on traces, turned a little where backbones meet.

Each peptide group turns about the line between its two CA (`adp3d.sidechain.peptides`); two that the model drew in the
same step do not see each other, and their oxygens may come as near as bonds. The smallest turn that makes room is
taken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .assemble import assemble, assemble_backbones
from .contacts import ClashFinder
from .internal import turned
from .network import Decoded
from .scene import Scene
from .templates import BACKBONE, CHIS

__all__ = ["turn_peptides"]

_TURNS = tuple(sign * turn for turn in (10.0, 20.0, 30.0, 40.0, 50.0, 60.0) for sign in (1.0, -1.0))
"""Degrees tried, the smallest first. Beyond 60 a peptide is about to be another one: phi and psi on its sides change by
as much."""
_SWEEPS = 3
"""Times that each group is looked at: others have turned since."""
_CARBON, _OXYGEN, _NITROGEN = (BACKBONE.index(name) for name in ("C", "O", "N"))


@torch.no_grad()
def turn_peptides(scene: Scene, decoded: Decoded, finder: ClashFinder) -> Decoded:
    """Internal coordinates with peptide groups turned out of each other's way.

    Parameters
    ----------
    scene : Scene
        K samples.
    decoded : Decoded
    finder : ClashFinder
        Of the scene.

    Returns
    -------
    Decoded
        Side chains as they were, but on turned backbones.
    """
    found = assemble(scene, decoded).double().cpu().numpy()
    movable = finder.drawn_peptides
    meeting = [np.flatnonzero(finder.backbones_that_meet(sample) & movable) for sample in found]
    if not any(len(groups) for groups in meeting):
        return decoded
    # all groups at once for each turn: a group depends on no other one's
    tried = np.stack([assemble_backbones(scene, _turned(decoded, turn)).double().cpu().numpy() for turn in _TURNS])
    turns = np.zeros(found.shape[:2])
    for k, (sample, groups) in enumerate(zip(found, meeting, strict=True)):
        for _ in range(_SWEEPS):
            moved = False
            for i in groups.tolist():
                now = finder.peptide_overlap(sample, i, _group(sample[None], i))[0]
                if now == 0.0:
                    continue
                choices = _group(tried[:, k], i)
                overlap = finder.peptide_overlap(sample, i, choices)
                best = int(overlap.argmin())  # the smallest turn of those that fit
                if overlap[best] < now:
                    sample[i, [_CARBON, _OXYGEN]] = choices[best, :2]
                    sample[i + 1, _NITROGEN] = choices[best, 2]
                    turns[k, i] = _TURNS[best]
                    moved = True
            if not moved:
                break
    return _turned(decoded, torch.from_numpy(turns).to(decoded.turns))


def _group(backbones: NDArray[np.float64], i: int) -> NDArray[np.float64]:
    """C and O of a residue and N of the next one, (T, 3, 3), of backbones (T, N, 4 or more, 3)."""
    return np.concatenate([backbones[:, i, [_CARBON, _OXYGEN]], backbones[:, i + 1, [_NITROGEN]]], 1)


def _turned(decoded: Decoded, degrees: Tensor | float) -> Decoded:
    """Peptides turned further, each (K, N) by its own angle or all by one."""
    further = torch.deg2rad(torch.as_tensor(degrees, dtype=decoded.turns.dtype, device=decoded.turns.device))
    peptides = turned(decoded.turns[..., CHIS, :], further)
    return replace(decoded, turns=torch.cat([decoded.turns[..., :CHIS, :], peptides[..., None, :]], -2))
