"""Residues that stay as they are keep their types, whatever the sequence says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .report import ChainPlacement
from .target import Target

__all__ = ["with_own_types"]


def with_own_types(target: Target, own: Target, kept: NDArray[np.bool_]) -> Target:
    """The target with some residues named as in the model.

    Parameters
    ----------
    target : Target
        Of N residues.
    own : Target
        The same residues, all with the types of the model (``keep_types``).
    kept : ndarray of bool, shape (N,)
        Residues that keep their types; of those that the model lacks nothing changes.

    Returns
    -------
    Target
    """
    named = [source.name if source is not None and keep else name
             for source, keep, name in zip(target.sources, kept, target.names, strict=True)]  # fmt: skip
    if tuple(named) == target.names:
        return target
    letters = [b if keep else a for a, b, keep in zip(target.polymer.sequence, own.polymer.sequence, kept, strict=True)]
    chains = tuple(
        _report(placement, kept[target.polymer.chain_index == index])
        for index, placement in enumerate(target.report.chains)
    )
    return replace(
        target,
        polymer=replace(target.polymer, sequence="".join(letters)),
        names=tuple(named),
        report=replace(target.report, chains=chains),
    )


def _report(placement: ChainPlacement, kept: NDArray[np.bool_]) -> ChainPlacement:
    return replace(
        placement,
        differences=tuple(
            replace(one, in_result=one.in_model) if kept[one.position] else one for one in placement.differences
        ),
    )
