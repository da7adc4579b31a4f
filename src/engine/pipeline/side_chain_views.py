"""What a network says of likely side chains, by the network's name: the bundled one's codes, or draws of Chroma's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..likelihood.design_network import ALPHABET
from ..prior.chroma.design import ChromaDesign, chroma_design
from ..rotamers.candidates import ModelView
from ..rotamers.field import MapView
from ..rotamers.pack import Views, look_at
from ..rotamers.pieces import Ask
from ..rotamers.task import PackingTask, measured_torsions
from ..sidechain.templates import MSE, N_TYPES, SLOTS, UNKNOWN_TYPE
from ..sidechain.weights_file import default_side_chain_model
from ..structure.polymer import AMINO_ACIDS

__all__ = ["SIDE_CHAIN_NETWORKS", "SideChainNetwork", "require_side_chain_network", "side_chain_views"]

_DRAWS = 6
"""Side chains drawn of a residue. One draw of 200 residues takes seconds, and draws differ little."""

_LETTERS = [*AMINO_ACIDS, "X", "M"]
"""One-letter code of each residue type of `adp3d.sidechain.templates.RESIDUE_NAMES`."""
assert len(_LETTERS) == N_TYPES and _LETTERS[UNKNOWN_TYPE] == "X" and _LETTERS[MSE] == "M"


def side_chain_views(name: str, task: PackingTask, view: MapView | None, seed: int, ask: Ask) -> Views:
    """What the network of that name says of the residues of a task, for `adp3d.rotamers.pack.pack`.

    Parameters
    ----------
    name : str
        One of `adp3d.contract.specs.model.SIDE_CHAIN_MODELS`.
    task : PackingTask
    view : MapView, optional
        The map; without one, changeable residues are not asked about.
    seed : int
    ask : callable
        Called again and again; what it raises ends it.

    Raises
    ------
    InputError
        If the network's package or weights are missing.
    """
    return SIDE_CHAIN_NETWORKS[name].look(task, view, seed, ask)


def require_side_chain_network(name: str) -> None:
    """Load what the network of that name needs, which is kept: jobs ask for it at the end.

    Raises
    ------
    InputError
        If its package or weights are missing.
    """
    SIDE_CHAIN_NETWORKS[name].load()


def _builtin(task: PackingTask, view: MapView | None, seed: int, ask: Ask) -> Views:
    return look_at(task, default_side_chain_model(), view, seed, ask)


def _chroma(task: PackingTask, view: MapView | None, seed: int, ask: Ask) -> Views:
    """Open residues beside all that is complete, and changeable ones as if none of these were known."""
    network = _chroma_network()
    settled = task.complete & ~task.open
    views: Views = []
    if bool((task.movable & task.open).any()):
        views.append((task.open, _drawn(network, task, settled, seed, ask)))
    if view is not None and bool((task.movable & task.changeable).any()):
        views.append((task.changeable, _drawn(network, task, settled & ~task.changeable, seed, ask)))
    return views


def _chroma_network() -> ChromaDesign:
    return chroma_design(torch.device("cpu"))  # where side chains are packed


@dataclass(frozen=True)
class SideChainNetwork:
    """A network that says which side chains are likely.

    Attributes
    ----------
    load : callable
        Loads it; it is kept.
    look : callable
        See `side_chain_views`.
    """

    load: Callable[[], object]
    look: Callable[[PackingTask, MapView | None, int, Ask], Views]


SIDE_CHAIN_NETWORKS: Mapping[str, SideChainNetwork] = {
    "builtin": SideChainNetwork(default_side_chain_model, _builtin),
    "chroma": SideChainNetwork(_chroma_network, _chroma),
}


def _drawn(network: ChromaDesign, task: PackingTask, known: Tensor, seed: int, ask: Ask) -> ModelView:
    types = torch.tensor([ALPHABET.index(letter) for letter in _LETTERS])[task.aatype]
    torsions, _ = measured_torsions(task.given, task.aatype, task.present)
    drawn = []
    for number in range(_DRAWS):
        ask()
        drawn.append(
            network.draw_torsions(
                task.backbone, types, task.residue_index, task.chain_index, torsions, known, seed + number
            )
        )
    chi = torch.stack(drawn)
    return ModelView(chi, chi.new_zeros(*chi.shape[:2], SLOTS, 3), chi.new_full(chi.shape[:2], 1.0 / _DRAWS))
