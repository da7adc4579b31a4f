"""core/src/objects.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import Atoms, Residues


class Objects:
    """What a specifier found."""

    def __init__(self, atoms: Atoms | None = None, bonds=None, pseudobonds=None, models=None) -> None:
        self.models = models
        self.atoms = atoms

    def add_model(self, model) -> None:
        self.models = [*(self.models or ()), *(() if model in (self.models or ()) else (model,))]

    def add_atoms(self, atoms: Atoms, bonds: bool = False) -> None:
        self.atoms = atoms if self.atoms is None else self.atoms | atoms

    @property
    def residues(self) -> Residues:
        return self.atoms.unique_residues
