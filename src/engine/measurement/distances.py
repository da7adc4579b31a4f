"""Distances between residues beside other data, such as cross-links or NMR contacts in a job with a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..contract.requests import Request
from ..job.events import Events
from ..likelihood.distances import DistanceLikelihood
from ..restraints.convert import BackboneRestraints, to_backbone
from ..restraints.read import read_restraints
from ..restraints.repeats import without_repeats
from ..restraints.shells import Shells
from ..restraints.units import in_angstrom
from ..solver.likelihood_potential import LikelihoodPotential
from ..solver.potential_cost import PotentialCost
from ..structure.polymer import Polymer
from .protocol import Scene

__all__ = ["NAME", "DistanceMeasurement", "load", "load_restraints"]

NAME = "distances"


@dataclass(frozen=True)
class DistanceMeasurement:
    """Distances of one file.

    Attributes
    ----------
    restraints : BackboneRestraints
    likelihood : DistanceLikelihood
    """

    restraints: BackboneRestraints
    likelihood: DistanceLikelihood

    @classmethod
    def of_file(
        cls,
        path: str,
        polymer: Polymer,
        labels: Sequence[tuple[str, int, str]] | None,
        device: torch.device,
        events: Events,
    ) -> DistanceMeasurement:
        """Read a file, see `load_restraints`."""
        restraints = load_restraints(path, polymer, labels, events)
        return cls(restraints, DistanceLikelihood.from_restraints(restraints, device, torch.float32))

    @property
    def name(self) -> str:
        """Name in the registry."""
        return NAME

    @property
    def potential(self) -> LikelihoodPotential:
        """Harmonic outside the bounds, linear far away."""
        return LikelihoodPotential(NAME, self.likelihood)

    @property
    def cost(self) -> PotentialCost:
        """Next to nothing: a few numbers for each distance."""
        return PotentialCost()

    def log_likelihood(self, x: Tensor) -> Tensor:
        """See `Judge`."""
        return self.likelihood(x)

    def potential_among(self, known: NDArray[np.bool_]) -> LikelihoodPotential | None:
        """See `Divisible`: of distances with both ends known, and in ambiguous ones all of them."""
        found = self.likelihood.among(known)
        return None if found is None else LikelihoodPotential(NAME, found)

    def shells(self, x: Tensor, known: NDArray[np.bool_]) -> Shells:
        """See `Locates`: of each distance between a known and another residue; nothing of ambiguous ones."""
        return self.likelihood.shells(x, known)

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Log-likelihood, and the part of the distances within their bounds (0 to 1)."""
        return {"log_likelihood": self.likelihood(x), "satisfied": self.likelihood.satisfied(x)}

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """None: a distance belongs to two residues."""
        return {}


def load(request: Request, scene: Scene) -> DistanceMeasurement:
    """Restraints of the file that is asked for.

    Raises
    ------
    InputError
        If there is none, or it cannot be used.
    """
    if request.file is None or request.words:
        raise InputError("Distances come from a file: write distances@FILE.")
    return DistanceMeasurement.of_file(request.file, scene.polymer, scene.labels, scene.device, scene.events)


def load_restraints(
    path: str, polymer: Polymer, labels: Sequence[tuple[str, int, str]] | None, events: Events
) -> BackboneRestraints:
    """Restraints of a file between backbone atoms of a job's residues; what was left out is told.

    Residues are found by ``labels``, or counted from 1 in each chain without them.

    Raises
    ------
    InputError
        If the file cannot be used or concerns other residues.
    """
    read = read_restraints(path)
    for line in read.lines():
        events.message(line)
    read, unit_note = in_angstrom(read)
    if unit_note:
        events.message(unit_note, "warning")
    read, notes = without_repeats(read)
    for note in notes:
        events.message(note)
    converted = to_backbone(read, polymer, labels)
    for line in converted.lines():
        events.message(line)
    if not len(converted):
        raise InputError("No restraint concerns two residues of the sequence; check numbering and chain names.")
    return converted
