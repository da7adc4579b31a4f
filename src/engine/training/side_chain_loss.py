"""What the side-chain model is trained on: its reconstruction, and the codes that it is asked to find."""

from __future__ import annotations

import torch
from torch import Tensor

from ..sidechain.assemble import assemble
from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import measure_chi, swap_symmetric
from ..sidechain.network import Decoded, SideChainModel
from ..sidechain.peptides import measure_peptide_turns
from ..sidechain.sampling import tokens_of
from ..sidechain.scene import Scene
from ..sidechain.templates import CHIS
from .side_chain_batches import SideChainBatch

__all__ = ["autoencoder_loss", "diffusion_loss", "reconstruction_loss"]

_CHI_WEIGHT = (1.0, 1.0, 0.7, 0.5, 1.5)
"""Of chi 1 to 4 and the peptide's turn: later ones move fewer atoms and are known less well."""
_ATOM_WEIGHT = 0.5
"""Of a mean distance of 1 A over a turn by 90 degrees."""
_BEND_WEIGHT = 0.01
"""Of squared deviations in standard deviations: angles as usual unless the atoms ask for others."""


def autoencoder_loss(model: SideChainModel, batch: SideChainBatch) -> Tensor:
    """Encode what is there, decode it into what is given; a scalar."""
    quantised = model.encode(batch.whole, model.look(batch.whole))
    decoded = model.decode(batch.given, model.look(batch.given), quantised.vector)
    return reconstruction_loss(decoded, batch)


def diffusion_loss(model: SideChainModel, batch: SideChainBatch, generator: torch.Generator) -> Tensor:
    """Cross entropy of hidden codes, the fraction hidden being uniform in (0, 1]; a scalar."""
    with torch.no_grad():
        code = model.encode(batch.whole, model.look(batch.whole)).code
        tokens = tokens_of(model, batch.given, code)
        free = batch.given.free
        ranks = torch.rand(free.shape, generator=generator).to(free.device)
        fraction = 1.0 - torch.rand(len(free), 1, generator=generator).to(free.device)
        hidden = free & (ranks < fraction)
        tokens = torch.where(hidden, torch.full_like(tokens, model.hidden), tokens)
        share = hidden.sum(1) / free.sum(1).clamp(min=1)
    logits = model.predict(batch.given, model.look(batch.given), tokens, share)
    asked = hidden & batch.counts
    entropy = torch.nn.functional.cross_entropy(logits[asked].float(), code[asked], reduction="sum")
    return entropy / asked.sum().clamp(min=1)


def reconstruction_loss(decoded: Decoded, batch: SideChainBatch) -> Tensor:
    """How far decoded torsions and the atoms built with them are from the truth; a scalar.

    Atoms are built on the true backbone, or CA trace, so that its errors are no excuse.
    """
    whole, table = batch.whole, geometry_table(device=batch.there.device)
    chi, known = measure_chi(whole.atoms, whole.aatype, batch.there)
    counts = batch.counts
    bonded = whole.bonded
    peptide = measure_peptide_turns(whole.atoms[..., :4, :], bonded)
    turns = torch.cat([chi, peptide[..., None]], -1)
    asked = torch.cat([known, (bonded & ~whole.has_backbone)[..., None]], -1) & counts[..., None]
    cosine = decoded.turns[..., 0] * turns.cos() + decoded.turns[..., 1] * turns.sin()
    symmetric = table.chi_symmetric[whole.aatype]
    cosine = torch.cat([torch.where(symmetric, cosine[..., :CHIS].abs(), cosine[..., :CHIS]), cosine[..., CHIS:]], -1)
    weight = asked * cosine.new_tensor(_CHI_WEIGHT)
    turning = (weight * (1.0 - cosine)).sum() / weight.sum().clamp(min=1.0)
    exists = table.exists[whole.aatype] & counts[..., None]
    bend = decoded.deviation.square().sum(-1) * exists
    return (
        turning
        + _ATOM_WEIGHT * _atom_distance(decoded, whole, batch.there, counts)
        + _BEND_WEIGHT * bend.sum() / exists.sum().clamp(min=1)
    )


def _atom_distance(decoded: Decoded, whole: Scene, there: Tensor, counts: Tensor) -> Tensor:
    """Mean distance of built atoms, up to names that half a turn exchanges, in angstrom."""
    built = assemble(whole, decoded)
    wanted = (there & counts[..., None]).clone()
    wanted[..., :4] &= ~whole.has_backbone[..., None]

    def off(truth: Tensor) -> Tensor:
        return ((built - truth).square().sum(-1) + 1e-4).sqrt() * wanted

    straight, swapped = off(whole.atoms), off(swap_symmetric(whole.atoms, whole.aatype))
    better = torch.where((swapped.sum(-1) < straight.sum(-1))[..., None], swapped, straight)
    return better.sum() / wanted.sum().clamp(min=1)
