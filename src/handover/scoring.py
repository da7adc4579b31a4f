"""Open models to be scored: their atoms written for the engine, and its energies given to their residues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..engine.contract.settings import rows
from ..engine.contract.specs.score import ScoreSettings, sides_of
from .atoms import MOVED, ModelAtoms
from .attributes import ENERGY_ATTRIBUTE, register_attributes
from .colouring import ColourScale
from .model_export import duplicate_address, file_chain_names, read_open_model
from .part import ModelPart, residue_address
from .session_values import write_model
from .staging import discard, new_staging_folder

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residue
    from chimerax.core.session import Session

__all__ = ["ScoreInput", "ScoredPart", "apply_scores", "colour_by_energy", "energy_scale", "prepare_scoring"]

_BLUE, _WHITE, _RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)
"""Ends and middle of a scale that is safe for all kinds of colour vision (ColorBrewer RdBu)."""
_TAILS = (5.0, 95.0)
"""Percentiles of the residues' energies at the ends of the scale: a few outliers would else make all others pale."""


@dataclass(frozen=True, eq=False)
class ScoreInput:
    """What is being scored.

    Parameters
    ----------
    parts : tuple of ModelPart
    spec : dict
        For the engine.
    chains : mapping
        Names of chains in the files, by the session's.
    coords : tuple of ndarray, shape (n, 3)
        Of each part's model: where its atoms were.
    staging : Path
        Folder of the files; to be discarded when the answer is there.
    """

    parts: tuple[ModelPart, ...]
    spec: dict[str, Any]
    chains: Mapping[str, str]
    coords: tuple[NDArray[np.float64], ...]
    staging: Path

    @property
    def name(self) -> str:
        """What users call the models."""
        listed = [part.name for part in self.parts]
        return ", ".join(listed if len(listed) < 6 else [*listed[:4], "...", listed[-1]])


@dataclass(frozen=True, eq=False)
class ScoredPart:
    """A model with its energy.

    Parameters
    ----------
    model : AtomicStructure
    told : mapping
        The engine's row.
    residues : list of Residue
        Those that have an energy.
    energies : ndarray, shape (n,)
        Theirs, in nats.
    """

    model: AtomicStructure
    told: Mapping[str, Any]
    residues: list[Residue]
    energies: NDArray[np.float64]


def prepare_scoring(parts: Sequence[ModelPart], settings: Mapping[str, Any]) -> ScoreInput:
    """Write models for the engine.

    Parameters
    ----------
    parts : sequence of ModelPart
    settings : mapping
        Values of `ScoreSettings` that were given; the reference is a part of a model.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    from chimerax.core.errors import UserError

    reference: ModelPart | None = settings.get("reference")
    every = [*parts, *([] if reference is None else [reference])]
    atoms = [part.of(read_open_model(part.model)) for part in every]
    for part, own in zip(every, atoms, strict=True):
        _refuse(part, own)
    chains = file_chain_names(r.address[0] for own in atoms for r in own.residues)
    plain = {name: value for name, value in settings.items() if name != "reference" and value is not None}
    if "interface" in plain:
        plain["interface"] = _in_file_names(plain["interface"], parts, atoms, chains)
    staging = new_staging_folder()
    try:
        files = [
            str(write_model(own, staging / f"model_{number}.cif", chains, str(part.model.name)))
            for number, (part, own) in enumerate(zip(every, atoms, strict=True))
        ]
    except UserError:
        discard(staging)
        raise
    if reference is not None:
        plain["reference"] = files.pop()
    spec = {**plain, "models": files, "labels": [f"#{part.model.id_string}" for part in parts]}
    coords = tuple(np.array(part.model.atoms.coords, np.float64) for part in parts)
    return ScoreInput(tuple(parts), spec, chains, coords, staging)


def apply_scores(session: Session, given: ScoreInput, report: Mapping[str, Any]) -> tuple[list[ScoredPart], list[str]]:
    """Give the residues their energies as an attribute.

    Returns
    -------
    list of ScoredPart
        In the order given; models that were closed meanwhile are left out.
    list of str
        What the user should know.
    """
    register_attributes(session)
    own_name = {theirs: mine for mine, theirs in given.chains.items()}
    found: list[ScoredPart] = []
    notes = []
    for part, before, told in zip(given.parts, given.coords, report["models"], strict=True):
        model = part.model
        if model.deleted:
            notes.append(f"{told['model']} was closed while it was scored.")
            continue
        now = np.asarray(model.atoms.coords)
        if now.shape != before.shape or (len(now) and np.abs(now - before).max() > MOVED):
            notes.append(f"Atoms of {told['model']} were moved, made or deleted while it was scored: as it was before.")
        labels = zip(told["chains"], told["numbers"], told["insertion_codes"], strict=True)
        energies = {(own_name.get(c, c), int(n), str(i).strip()): e for (c, n, i), e in
                    zip(labels, told["energies"], strict=True)}  # fmt: skip
        residues, values = [], []
        for residue in model.residues:
            value = energies.get(residue_address(residue))
            if value is not None and residue.find_atom("CA") is not None:
                setattr(residue, ENERGY_ATTRIBUTE, float(value))
                residues.append(residue)
                values.append(float(value))
            elif getattr(residue, ENERGY_ATTRIBUTE, None) is not None:
                delattr(residue, ENERGY_ATTRIBUTE)
        found.append(ScoredPart(model, told, residues, np.array(values)))
    return found, notes


def energy_scale(values: NDArray[np.floating], interface: bool) -> ColourScale:
    """Blue for low energies, red for high ones.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Of the residues of all models that are coloured, in nats.
    interface : bool
        Whether they are those of an interface, of which zero, white, means that the residue is as likely without it.
    """
    low, high = np.percentile(values, _TAILS)
    if interface:
        low, high = -max(-low, high), max(-low, high)
    if not high > low:
        low, high = low - 1.0, low + 1.0
    digits = max(0, 1 - int(np.floor(np.log10(high - low))))
    ends = (round(float(low), digits), round(float(high), digits))
    return ColourScale("energy", (ends[0], round(sum(ends) / 2, digits + 1), ends[1]), (_BLUE, _WHITE, _RED))


def colour_by_energy(session: Session, scored: Sequence[ScoredPart], interface: bool) -> ColourScale:
    """Colour cartoons and carbon atoms by energy, as one step that ``undo`` takes back.

    Parameters
    ----------
    session : Session
    scored : sequence of ScoredPart
        At least one residue of which has an energy.
    interface : bool

    Returns
    -------
    ColourScale
        The same for all of them.
    """
    from chimerax.atomic import Residues
    from chimerax.core.undo import UndoState

    scale = energy_scale(np.concatenate([part.energies for part in scored]), interface)
    step = UndoState("color by energy")
    for part in scored:
        if not part.residues:
            continue
        residues = Residues(part.residues)
        colours = scale.rgba(part.energies)
        of_residue = dict(zip(part.residues, colours, strict=True))
        carbon = residues.atoms.filter(residues.atoms.element_names == "C")
        of_atoms = np.array([of_residue[residue] for residue in carbon.residues], np.uint8).reshape(-1, 4)
        for owner, name, new in ((residues, "ribbon_colors", colours), (carbon, "colors", of_atoms)):
            step.add(owner, name, np.array(getattr(owner, name)), new)
            setattr(owner, name, new)
    session.undo.register(step)
    return scale


def _refuse(part: ModelPart, atoms: ModelAtoms) -> None:
    from chimerax.core.errors import UserError

    if not any(residue.kind == "protein" for residue in atoms.residues):
        raise UserError(f"{part.name} contains no protein; energies are those of protein backbones.")
    twice = duplicate_address(atoms)
    if twice is not None:
        chain, number, code = twice
        raise UserError(f"{part.name} has two residues {chain} {number}{code}; renumber one ('renumber' does that).")


def _in_file_names(
    interface: str, parts: Sequence[ModelPart], atoms: Sequence[ModelAtoms], chains: Mapping[str, str]
) -> str:
    """Sides of an interface in the names of the files."""
    from chimerax.core.errors import UserError

    from ..engine.contract.errors import InputError

    row = next(row for row in rows(ScoreSettings) if row.name == "interface")
    try:
        sides = sides_of(row.setting.domain.check(row.name, interface))
    except InputError as error:
        raise UserError(str(error)) from error
    for part, own in zip(parts, atoms, strict=False):  # the reference is only compared
        present = list(dict.fromkeys(r.address[0] for r in own.residues if r.kind == "protein"))
        for chain in (*sides[0], *sides[1]):
            if chain not in present:
                there = ", ".join(present)
                raise UserError(f"{part.name} has no protein chain {chain}; its protein chains are {there}.")
    return ":".join(",".join(chains[chain] for chain in side) for side in sides)
