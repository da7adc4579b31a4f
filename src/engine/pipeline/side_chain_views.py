"""What a network says of likely side chains, by the network's name: the bundled one's codes, or draws of Chroma's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..contract.specs.model import ModelSpec
from ..likelihood.design_network import ALPHABET
from ..prior.chroma.design import ChromaDesign, chroma_design
from ..rotamers.candidates import NEXT_SEED, ModelView
from ..rotamers.field import MapView
from ..rotamers.pack import Views, look_at, questions
from ..rotamers.pieces import Ask
from ..rotamers.task import PackingTask, measured_torsions
from ..sidechain.templates import MSE, N_TYPES, SLOTS, UNKNOWN_TYPE
from ..sidechain.weights_file import default_side_chain_model
from ..structure.polymer import AMINO_ACIDS

__all__ = ["SIDE_CHAIN_NETWORKS", "SideChainNetwork", "require_side_chain_network", "side_chain_views"]

_DRAWS = 6
"""Side chains drawn of a residue: fewer than from the bundled network, as one takes seconds and they differ little; not
tuned."""

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


def require_side_chain_network(spec: ModelSpec) -> None:
    """Load what the network of a job needs, which is kept: jobs that place side chains ask for it at the end.

    Raises
    ------
    InputError
        If its package or weights are missing.
    """
    if spec.side_chains != "none":
        SIDE_CHAIN_NETWORKS[spec.side_chain_model].load()


def _builtin(task: PackingTask, view: MapView | None, seed: int, ask: Ask) -> Views:
    return look_at(task, default_side_chain_model(), view, seed, ask)


def _chroma(task: PackingTask, view: MapView | None, seed: int, ask: Ask) -> Views:
    network = _chroma_network()
    return [
        (residues, _drawn(network, task, known, seed, ask)) for residues, known in questions(task, view is not None)
    ]


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
    seconds_per_residue : float
        Time of one core that a look takes.
    """

    load: Callable[[], object]
    look: Callable[[PackingTask, MapView | None, int, Ask], Views]
    seconds_per_residue: float


SIDE_CHAIN_NETWORKS: Mapping[str, SideChainNetwork] = {
    # chains of 172 to 2,064 residues, with maps
    "builtin": SideChainNetwork(default_side_chain_model, _builtin, 0.007),
    # a draw takes 0.02 s with 27 million weights, in which changeable residues are drawn once more
    "chroma": SideChainNetwork(_chroma_network, _chroma, 2 * _DRAWS * 0.02),
}


def _drawn(network: ChromaDesign, task: PackingTask, known: Tensor, seed: int, ask: Ask) -> ModelView:
    types = torch.tensor([ALPHABET.index(letter) for letter in _LETTERS])[task.aatype]
    torsions, _ = measured_torsions(task.given, task.aatype, task.present)
    places = task.residue_index, task.chain_index
    seeds = [seed + NEXT_SEED * number for number in range(_DRAWS)]
    drawn = [network.draw_torsions(task.backbone, types, *places, torsions, known, own, ask) for own in seeds]
    chi = torch.stack(drawn)
    return ModelView(chi, chi.new_zeros(*chi.shape[:2], SLOTS, 3), chi.new_full(chi.shape[:2], 1.0 / _DRAWS))
