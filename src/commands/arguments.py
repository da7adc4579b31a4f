"""Arguments of commands that ChimeraX itself does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chimerax.core.commands import Annotation, AnnotationError, EnumOf, StringArg, next_token

from ..engine.contract.domains import Device, Plugin
from ..engine.contract.errors import InputError
from ..engine.contract.requests import parse_request
from ..handover.part import ModelPart

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = [
    "DeviceArg",
    "HalfMapsArg",
    "MeasureArg",
    "ModelPairArg",
    "ModelPartArg",
    "ModelPartsArg",
    "PluginArg",
    "SequenceArg",
    "WholeModelArg",
    "WholeModelsArg",
]


class DeviceArg(Annotation):
    """Where to compute, such as cuda or cuda:1."""

    name = f"one of {Device.values}"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[str, str, str]:
        """Take one word."""
        from ..process.hosts import host_named

        word, used, rest = StringArg.parse(text, session)
        if host_named(session, word.lower()) is not None:
            return word.lower(), used, rest
        try:
            return Device().check("device", word.lower()), used, rest
        except InputError as error:
            others = "; 'adp3d engine list' lists engines on other computers"
            raise AnnotationError(str(error).removesuffix(".") + others) from error


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


class WholeModelsArg(Annotation):
    """One or more models that are named as wholes."""

    name = "atomic models such as #3,4, as wholes"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[list[Any], str, str]:
        """Take one specifier."""
        from chimerax.atomic import AtomicStructure, ResiduesArg

        residues, used, rest = ResiduesArg.parse(text, session)
        typed = " ".join(str(residues.spec).split())
        models = list(dict.fromkeys(r.structure for r in residues if isinstance(r.structure, AtomicStructure)))
        if not models:
            raise AnnotationError(f"'{typed}' names no residue of an open atomic model")
        if len(residues) != sum(model.num_residues for model in models):
            raise AnnotationError(f"'{typed}' names parts of models, which can only be taken as wholes here")
        return models, used, rest


class ModelPartsArg(Annotation):
    """One or more models, or chains or residues of them."""

    name = "atomic models such as #3,4, or chains or residues of them, such as #3-9/A"

    @staticmethod
    def parse(text: str, session: Session) -> tuple[list[ModelPart], str, str]:
        """Take one specifier."""
        from chimerax.atomic import AtomicStructure, Residues, ResiduesArg

        residues, used, rest = ResiduesArg.parse(text, session)
        typed = " ".join(str(residues.spec).split())
        of_models: dict[Any, list[Any]] = {}
        for residue in residues:
            if isinstance(residue.structure, AtomicStructure):
                of_models.setdefault(residue.structure, []).append(residue)
        if not of_models:
            raise AnnotationError(f"'{typed}' names no residue of an open atomic model")
        parts = [
            ModelPart(model, None if len(own) == model.num_residues else Residues(own))
            for model, own in of_models.items()
        ]
        return parts, used, rest


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


class PluginArg(Annotation):
    """Name of something built in or added by a package in the engine's environment.

    What the engine has is known once one has started; until then any word is taken, which the engine refuses itself if
    it does not know it.

    Parameters
    ----------
    domain : Plugin
    """

    def __init__(self, domain: Plugin) -> None:
        super().__init__(f"{', '.join(domain.built_in)}, or another that the engine has")
        self.domain = domain

    def parse(self, text: str, session: Session) -> tuple[str, str, str]:
        """Take one word; beginnings of known names are completed."""
        from ..process.plugins import known_names

        try:
            taken: tuple[str, str, str] = EnumOf(known_names(session, self.domain)).parse(text, session)
        except AnnotationError:
            taken = StringArg.parse(text, session)
            if not taken[0].strip():
                raise
        return taken


class MeasureArg(Annotation):
    """A further measurement: its name, @ and a file if it has one, and what else it takes, in quotes."""

    name = 'a measurement such as distances@restraints.csv, or "NAME WORDS"'

    @staticmethod
    def parse(text: str, session: Session) -> tuple[str, str, str]:
        """Take one text; a relative path stays as it is typed."""
        request, used, rest = StringArg.parse(text, session)
        try:
            return str(parse_request(request)), used, rest
        except InputError as error:
            raise AnnotationError(str(error)) from error
