"""How arguments of the commands are written, and the options that several commands share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chimerax.core.commands import (
    Annotation,
    AnnotationError,
    BoolArg,
    Bounded,
    EnumOf,
    FloatArg,
    IntArg,
    ListOf,
    SaveFolderNameArg,
    StringArg,
    next_token,
)

from ..engine.contract.specification import B_FACTORS, CONFIDENCES, PRIORS, UPDATES
from ..handover.part import ModelPart

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = [
    "DeviceArg",
    "HalfMapsArg",
    "ModelPairArg",
    "ModelPartArg",
    "SequenceArg",
    "WholeModelArg",
    "map_keywords",
    "model_keywords",
    "run_keywords",
]


class DeviceArg(Annotation):
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""

    name = "one of auto, cpu, cuda, cuda:N or mps"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[str, str, str]:
        """Take one word."""
        word, used, rest = StringArg.parse(text, session)
        if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?|mps", word.lower()):
            raise AnnotationError(f"Device must be auto, cpu, cuda, cuda:N or mps, not '{word}'")
        return word.lower(), used, rest


class HalfMapsArg(Annotation):
    """Two maps, such as #3,4 or #3,#4."""

    name = "two half maps such as #3,4"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[list[Any], str, str]:
        """Take one specifier of two maps."""
        from chimerax.map import MapsArg

        word, used, rest = next_token(text)
        # ChimeraX writes lists of models as #3,4; #3,#4 is natural too.
        maps, _, left = MapsArg.parse(re.sub(r",\s*#", ",", word), session)
        if left.strip() or len(maps) != 2:
            raise AnnotationError(f"Give the two half maps as #3,4, not '{word}' ({len(maps)} maps)")
        return list(maps), used, rest


class ModelPartArg(Annotation):
    """One model, chains or residues of it, or what is selected of it; nothing of what is named is dropped.

    (ChimeraX's own `AtomicStructureArg` takes ``#3/A`` for all of #3.)
    """

    name = "an atomic model, or chains or residues of one, such as #3/A:39-48"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[ModelPart, str, str]:
        """Take one specifier."""
        from chimerax.atomic import AtomicStructure, ResiduesArg

        residues, used, rest = ResiduesArg.parse(text, session)
        typed = " ".join(str(residues.spec).split())
        models = list(dict.fromkeys(r.structure for r in residues if isinstance(r.structure, AtomicStructure)))
        models = models or _of_missing(typed, session)
        if not models:
            raise AnnotationError(f"'{typed}' names no residue of an open atomic model")
        if len(models) > 1:
            names = ", ".join(f"#{model.id_string}" for model in models)
            raise AnnotationError(f"'{typed}' names residues of {len(models)} models ({names}); name one")
        (model,) = models
        whole = len(residues) == model.num_residues
        return ModelPart(model, None if whole else residues, typed), used, rest


def _of_missing(typed: str, session: Session) -> list[Any]:
    """Model of which nothing but missing residues is named, such as #3/A:45-55 where these are a gap."""
    from chimerax.atomic import AtomicStructure

    number = re.match(r"#([\d.]+)/", typed)
    named = [m for m in session.models.list(type=AtomicStructure) if number is not None and m.id_string == number[1]]
    return [m for m in named if ModelPart(m, None, typed).typed_ranges()]


class WholeModelArg(Annotation):
    """One model that is named as a whole."""

    name = "an atomic model such as #3, as a whole"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[Any, str, str]:
        """Take one specifier."""
        part, used, rest = ModelPartArg.parse(text, session)
        if not part.whole:
            raise AnnotationError(
                f"'{part.name}' is a part of #{part.model.id_string}, which can only be taken as a whole here; name "
                f"#{part.model.id_string}"
            )
        return part.model, used, rest


class ModelPairArg(Annotation):
    """Two models in the order given, such as #3 #4: ChimeraX itself reads that as one specifier of both."""

    name = "two atomic models, or parts of them, such as #3 #4"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[tuple[ModelPart, ModelPart], str, str]:
        """Take two specifiers, one after the other."""
        found, words, rest = [], [], text
        for _ in range(2):
            if not rest.strip():
                raise AnnotationError(f"Expected {ModelPairArg.name}")
            word, _, rest = next_token(rest.lstrip())
            part, _, left = ModelPartArg.parse(word, session)
            if left.strip():
                raise AnnotationError(f"'{word}' is not one atomic model; expected {ModelPairArg.name}")
            found.append(part)
            words.append(word)
        return (found[0], found[1]), " ".join(words), rest


class SequenceArg(StringArg):
    """A sequence file, a chain such as #1/A, a sequence of an open alignment, or one-letter codes."""

    name = "a sequence file, a chain such as #1/A, a sequence of an alignment, or one-letter codes"


def run_keywords() -> list[tuple[str, Any]]:
    """Keywords of every command that runs a job."""
    return [
        ("replicas", Bounded(IntArg, 1, 1024)),
        ("steps", Bounded(IntArg, 1, 100_000)),
        ("prior", EnumOf(PRIORS)),
        ("seed", Bounded(IntArg, 0, 2**63 - 1)),
        ("device", DeviceArg),
        ("update", EnumOf(UPDATES)),
        ("b_factors", EnumOf(B_FACTORS)),
        ("trajectory_interval", Bounded(IntArg, 0, 100_000)),
        ("folder", SaveFolderNameArg),
        ("live", BoolArg),
        ("open_result", BoolArg),
        ("wait", BoolArg),
    ]


def model_keywords() -> list[tuple[str, Any]]:
    """Keywords of commands that start from a model."""
    from chimerax.atomic import ResiduesArg

    return [
        ("sequence", SequenceArg),
        ("chains", ListOf(StringArg)),
        ("keep", ResiduesArg),
        ("confidence", EnumOf(CONFIDENCES)),
        ("keep_types", BoolArg),
        ("reference", ModelPartArg),
    ]


def map_keywords() -> list[tuple[str, Any]]:
    """Keywords of commands that use a map; ``in_map`` is the map itself."""
    from chimerax.map import MapArg

    return [
        ("in_map", MapArg),
        ("half_maps", HalfMapsArg),
        ("resolution", Bounded(FloatArg, 0.5, 50.0)),
        ("density_weight", Bounded(FloatArg, 0.0, 1e6)),
        ("map_region", StringArg),
        ("map_step", Bounded(IntArg, 1, 64)),
    ]
