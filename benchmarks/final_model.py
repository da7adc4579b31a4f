"""What a benchmark judges: models finished as the pipelines finish them, and their geometry."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from adp3d.pipeline.outcome import describe_geometry
from adp3d.prior.evidence import KnownAtoms
from adp3d.solver.regularise import regularise
from adp3d.structure.polymer import Polymer
from adp3d.validation.torsions import backbone_torsions, linked_residues

__all__ = ["Geometry", "finish", "geometry_figures"]


@dataclass(frozen=True)
class Geometry:
    """Backbone geometry of one model; RMSZ are root mean squares of z scores."""

    bond_rmsz: float
    angle_rmsz: float
    favoured_percent: float
    positive_phi_percent: float
    """Residues other than glycine with phi above 0: about 4 in real proteins, most in a mirror image."""
    ca_breaks: int


def finish(x: Tensor, polymer: Polymer, model: KnownAtoms | None = None) -> Tensor:
    """Final models (replica, N, 4, 3) of sampled ones: known atoms in place, the others with ideal bonds and angles."""
    movable = torch.ones(x.shape[1:3], dtype=torch.bool)
    if model is not None:
        x = torch.where(model.known[..., None], model.target, x)
        movable = ~model.known
    return regularise(x, polymer.sequence, linked_residues(polymer), movable)


def geometry_figures(x: Tensor, polymer: Polymer) -> Geometry:
    """Geometry of one backbone, (N, 4, 3)."""
    backbone = x.double().numpy()
    figures = describe_geometry(backbone, polymer)
    phi = backbone_torsions(backbone, linked_residues(polymer)).phi
    counted = torch.tensor([letter != "G" for letter in polymer.sequence]).numpy() & (phi == phi)
    return Geometry(
        figures["bond_rmsz"],
        figures["angle_rmsz"],
        figures["ramachandran_favoured_percent"],
        100 * float((phi[counted] > 0).mean()),
        figures["ca_breaks"],
    )
