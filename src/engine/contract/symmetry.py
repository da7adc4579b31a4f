"""Symmetry as the user asks for it: the symbol of a group, or where its operators are to be found."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .domains import Text, shorten
from .errors import InputError

__all__ = ["OF_MAP", "ORIENTATIONS", "SymmetryRequest", "SymmetryText", "Vector", "operators_text", "parse_symmetry"]

OF_MAP = "map"
"""What users of ChimeraX write for the operators that an open map has; files of maps have none, so that a job gets them
as `operators_text`."""

ORIENTATIONS = {
    "T": ("222", "z3"),
    "I": ("222", "222r", "2n5", "2n5r", "n25", "n25r", "2n3", "2n3r"),
}
"""Settings of T and I, named as in ChimeraX, the default first."""

_MOST = 360
"""Copies that one group may have; the largest microtubules and rings have far fewer around."""

_FAR = 1e6
"""Angstrom; farther away is nothing that anybody models."""
_NO_LENGTH = 1e-6

_RETURN = (1.0, 1.0)
"""Angstrom and degrees from their like within which copies cannot be: they would be in each other."""
_EXACT = (0.1, 0.05)
"""Angstrom and degrees within which a helix comes back to its beginning as a ring does."""

_RIGID = 1e-3
"""By which a rotation matrix may miss orthogonality: eight digits are written, six are common in files."""
_NUMBERS = 12
"""Of an operator: rotation and shift, row by row."""
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)

_HOW = (
    "write C3, D2, T, O, I (with a setting, such as I,n25), a helix as H,rise,angle,copies, 'model' for the copies "
    "that the model has, 'assembly' for those of its mmCIF file, or in ChimeraX 'symmetry map' for those of the map"
)
_OPERATORS = "operators:"
_ASSEMBLY = re.compile(r"assembly(?::(\S+))?", re.IGNORECASE)
_CYCLIC = re.compile(r"([CD])([0-9]{1,4})", re.IGNORECASE)


@dataclass(frozen=True)
class SymmetryRequest:
    """What kind of symmetry, and its parameters.

    Attributes
    ----------
    kind : str
        ``C``, ``D``, ``T``, ``O``, ``I``, ``H`` (helix), ``model``, ``assembly`` or ``operators``.
    order : int
        n of C and D, copies of a helix.
    orientation : str
        Setting of T and I.
    rise, angle : float
        From one copy of a helix to the next, in angstrom and degrees.
    assembly : str
        Identifier of an assembly; empty for the first.
    operators : tuple of tuples of float
        Rotation and shift in angstrom, row by row, of each copy; the first is the identity.
    """

    kind: str
    order: int = 1
    orientation: str = ""
    rise: float = 0.0
    angle: float = 0.0
    assembly: str = ""
    operators: tuple[tuple[float, ...], ...] = ()

    @property
    def symbol(self) -> str:
        """As ChimeraX writes it; the settings of T and I only where they are not the usual ones."""
        if self.kind in "CD":
            return f"{self.kind}{self.order}"
        if self.kind == "H":
            return f"H,{self.rise:g},{self.angle:g},{self.order}"
        usual = ORIENTATIONS.get(self.kind, ("",))[0]
        return self.kind if self.orientation in ("", usual) else f"{self.kind},{self.orientation}"

    @property
    def placed(self) -> bool:
        """Whether an axis and a centre say where its operators lie."""
        return self.kind not in ("model", "assembly", "operators")


def parse_symmetry(text: str) -> SymmetryRequest:
    """Read a symmetry: as ChimeraX's ``sym`` command writes it, ``model``, ``assembly``, ``assembly:ID``, or operators.

    The latter as `operators_text` writes them.

    Raises
    ------
    InputError
        If there is no such group.
    """
    word = text.strip()
    if word.lower() == "model":
        return SymmetryRequest("model")
    if found := _ASSEMBLY.fullmatch(word):
        return SymmetryRequest("assembly", assembly=found[1] or "")
    if word.lower().startswith(_OPERATORS):
        return SymmetryRequest("operators", operators=_operators(word[len(_OPERATORS) :]))
    if found := _CYCLIC.fullmatch(word):
        order = int(found[2])
        if not 2 <= order <= _MOST // (2 if found[1] in "Dd" else 1):
            raise InputError(
                f"The symmetry {word!r} has too few or too many copies: C2 to C{_MOST}, D2 to D{_MOST // 2}."
            )
        return SymmetryRequest(found[1].upper(), order)
    kind, *fields = (field.strip() for field in word.split(","))
    kind = kind.upper()
    if kind in ("T", "I") and len(fields) <= 1:
        settings = ORIENTATIONS[kind]
        orientation = fields[0].lower() if fields else settings[0]
        if orientation not in settings:
            raise InputError(f"{kind} has no setting {orientation!r}: choose one of {', '.join(settings)}.")
        return SymmetryRequest(kind, 12 if kind == "T" else 60, orientation)
    if kind == "O" and not fields:
        return SymmetryRequest("O", 24)
    if kind == "H":
        return _helix(word, fields)
    raise InputError(f"There is no symmetry {word!r}: {_HOW}.")


def operators_text(operators: Sequence[Sequence[float]]) -> str:
    """Operators, twelve numbers each (rotation and shift in angstrom, row by row), as a symmetry that jobs take."""
    return _OPERATORS + ";".join(",".join(f"{number:.9g}" for number in one) for one in operators)


def _operators(text: str) -> tuple[tuple[float, ...], ...]:
    """Rigid operators, the identity first."""
    try:
        found = [tuple(float(number) for number in one.split(",")) for one in text.split(";")]
    except ValueError:
        found = []
    if not found or any(len(one) != _NUMBERS or not all(abs(n) < _FAR for n in one) for one in found):
        raise InputError("Operators of a symmetry are twelve numbers each: rotation and shift, row by row.")
    if not all(map(_is_rigid, found)):
        raise InputError("An operator of the symmetry is no rotation and shift: it stretches or mirrors.")
    still = [one for one in found if all(abs(a - b) < _RIGID for a, b in zip(one, _IDENTITY, strict=True))]
    others = [one for one in found if one not in still]
    if not still or not others or len(found) > _MOST:
        raise InputError(
            f"Operators of a symmetry are the identity and those that make further copies, {_MOST} at most; these are "
            f"{len(found)}" + ("." if still else ", none of which leaves the model where it is.")
        )
    return (_IDENTITY, *others)


def _is_rigid(operator: tuple[float, ...]) -> bool:
    a, b, c = (operator[row : row + 3] for row in (0, 4, 8))
    lengths = all(abs(math.hypot(*row) - 1.0) < _RIGID for row in (a, b, c))
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    # the third axis is what the first two give: orthogonal, and of the right hand
    return lengths and all(abs(one - other) < _RIGID for one, other in zip(cross, c, strict=True))


def _helix(word: str, fields: list[str]) -> SymmetryRequest:
    """``H,rise,angle,copies``."""
    try:
        rise, angle, count = (float(field) for field in fields)
    except ValueError:
        rise = angle = count = math.nan
    finite = all(map(math.isfinite, (rise, angle, count)))
    if not (finite and count == int(count) and 2 <= count <= _MOST):
        raise InputError(
            f"A helix is written H,rise,angle,copies, in angstrom and degrees, such as H,4.75,-1.2,7; not {word!r}."
        )
    if abs(rise) < 0.1 and abs(angle) < 0.1:
        raise InputError(f"The helix {word!r} neither rises nor turns; give its rise and its angle.")
    _refuse_return(word, rise, angle, int(count))
    return SymmetryRequest("H", int(count), "", rise, angle)


def _refuse_return(word: str, rise: float, angle: float, count: int) -> None:
    """Refuse helices whose copies, or what goes on at their ends, come to lie in each other; rings are possible."""
    for k in range(1, 2 * count - 1):
        off = abs(math.remainder(k * angle, 360.0))
        if abs(k * rise) >= _RETURN[0] or off >= _RETURN[1]:
            continue
        if k < count:
            raise InputError(
                f"The helix {word!r} has more copies than places: copy {k + 1} comes to lie in the first one; check "
                "its rise, its angle and the number of copies."
            )
        if abs(k * rise) >= _EXACT[0] or off >= _EXACT[1]:
            raise InputError(
                f"After {k} copies the helix {word!r} comes back to its beginning, but not exactly; if it is a ring, "
                f"write C{k}, otherwise check its rise and its angle."
            )


@dataclass(frozen=True)
class SymmetryText(Text):
    """Symbol of a group, or where its operators are to be found, as `parse_symmetry` reads it."""

    values: ClassVar[str] = "Cn, Dn, T, O, I, H,rise,angle,copies, model or assembly[:ID]"

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        text = Text().check(name, value).strip()
        parse_symmetry(text)
        return text


@dataclass(frozen=True)
class Vector:
    """Three numbers along x, y and z, in ``unit``; the command line and ChimeraX write ``1,2,3``."""

    unit: str = ""
    directed: bool = False
    """Whether it has to have a direction."""
    values: ClassVar[str] = ""

    def check(self, name: str, value: Any) -> tuple[float, float, float]:
        """See `Domain.check`."""
        parts = value.split(",") if isinstance(value, str) else value
        try:
            x, y, z = (float(part) for part in parts)
        except (TypeError, ValueError):
            x = y = z = math.nan
        if not all(abs(number) < _FAR for number in (x, y, z)):
            raise InputError(f"'{name}' must be three numbers such as 0,0,1, not {shorten(value)}.")
        if self.directed and math.hypot(x, y, z) < _NO_LENGTH:
            raise InputError(f"'{name}' has no direction; give one such as 0,0,1.")
        return x, y, z
