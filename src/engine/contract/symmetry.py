"""Symmetry as the user asks for it: the symbol of a group, or where its operators are to be found."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from .domains import Text, shorten
from .errors import InputError

__all__ = ["ORIENTATIONS", "SymmetryRequest", "SymmetryText", "Vector", "parse_symmetry"]

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

_HOW = (
    "write C3, D2, T, O, I (with a setting, such as I,n25), a helix as H,rise,angle,copies, 'model' for the copies "
    "that the model has, or 'assembly' for those of its mmCIF file"
)
_ASSEMBLY = re.compile(r"assembly(?::(\S+))?", re.IGNORECASE)
_CYCLIC = re.compile(r"([CD])([0-9]{1,4})", re.IGNORECASE)


@dataclass(frozen=True)
class SymmetryRequest:
    """What kind of symmetry, and its parameters.

    Attributes
    ----------
    kind : str
        ``C``, ``D``, ``T``, ``O``, ``I``, ``H`` (helix), ``model`` or ``assembly``.
    order : int
        n of C and D, copies of a helix.
    orientation : str
        Setting of T and I.
    rise, angle : float
        From one copy of a helix to the next, in angstrom and degrees.
    assembly : str
        Identifier of an assembly; empty for the first.
    """

    kind: str
    order: int = 1
    orientation: str = ""
    rise: float = 0.0
    angle: float = 0.0
    assembly: str = ""

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
        return self.kind not in ("model", "assembly")


def parse_symmetry(text: str) -> SymmetryRequest:
    """Read a symmetry, written as in ChimeraX's ``sym`` command, or ``model``, ``assembly``, ``assembly:ID``.

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
