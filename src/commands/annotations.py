"""How the values of each domain are typed in a ChimeraX command."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from chimerax.core.commands import (
    Annotation,
    BoolArg,
    Bounded,
    EnumOf,
    FloatArg,
    IntArg,
    ListOf,
    OpenFileNameArg,
    RepeatOf,
    SaveFolderNameArg,
    StringArg,
)

from ..engine.contract.domains import (
    Choice,
    Device,
    Domain,
    File,
    Flag,
    Folder,
    Integer,
    MapFile,
    ModelFile,
    Names,
    Optional,
    Plugin,
    Real,
    Requests,
    Residues,
    SequenceText,
    Text,
    TwoFiles,
    TwoMaps,
)
from ..engine.contract.symmetry import Vector
from .arguments import DeviceArg, HalfMapsArg, MeasureArg, ModelPartArg, PluginArg, SequenceArg

__all__ = ["annotation"]


@singledispatch
def annotation(domain: Domain) -> type[Annotation] | Annotation:
    """Annotation that reads values of a domain; its range is the domain's.

    Raises
    ------
    TypeError
        If it is not known how they are typed.
    """
    raise TypeError(f"values of {type(domain).__name__} cannot be typed in a command")


@annotation.register
def _(domain: Optional) -> type[Annotation] | Annotation:
    return annotation(domain.domain)


@annotation.register
def _(domain: Integer) -> Annotation:
    return Bounded(IntArg, domain.low, domain.high)


@annotation.register
def _(domain: Real) -> Annotation:
    return Bounded(FloatArg, domain.low, domain.high)


@annotation.register
def _(domain: Choice) -> Annotation:
    return EnumOf(domain.options)


@annotation.register
def _(domain: Plugin) -> Annotation:
    return PluginArg(domain)


@annotation.register
def _(domain: Requests) -> Annotation:
    return RepeatOf(MeasureArg)


@annotation.register
def _(domain: Flag) -> type[Annotation]:
    return BoolArg


@annotation.register
def _(domain: Device) -> type[Annotation]:
    return DeviceArg


@annotation.register
def _(domain: Text) -> type[Annotation]:
    return StringArg


@annotation.register
def _(domain: Vector) -> type[Annotation]:
    return StringArg


@annotation.register
def _(domain: SequenceText) -> type[Annotation]:
    return SequenceArg


@annotation.register
def _(domain: Folder) -> type[Annotation]:
    return SaveFolderNameArg


@annotation.register
def _(domain: File) -> type[Annotation]:
    return OpenFileNameArg


@annotation.register
def _(domain: TwoFiles) -> Annotation:
    return ListOf(OpenFileNameArg, 2, 2)


@annotation.register
def _(domain: ModelFile) -> type[Annotation]:
    return ModelPartArg


@annotation.register
def _(domain: MapFile) -> Any:
    from chimerax.map import MapArg

    return MapArg


@annotation.register
def _(domain: TwoMaps) -> type[Annotation]:
    return HalfMapsArg


@annotation.register
def _(domain: Residues) -> Any:
    from chimerax.atomic import ResiduesArg

    return ResiduesArg


@annotation.register
def _(domain: Names) -> Annotation:
    return ListOf(StringArg)
