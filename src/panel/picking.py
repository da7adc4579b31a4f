"""What lies under the mouse, maps excepted: a surface that is shown around a model must not hide it from clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chimerax.atomic import Residue

__all__ = ["picked_residue"]


class _Window(Protocol):
    """What is asked of ``session.main_view``."""

    def picked_object(self, win_x: float, win_y: float, *, exclude: Any) -> Any:
        """What is in front, in ChimeraX's terms."""


def picked_residue(view: _Window, place: tuple[float, float]) -> Residue | None:
    """Residue whose atom, bond or ribbon is in front at a place of the window in pixels, or None."""
    pick = view.picked_object(*place, exclude=_in_the_way)
    residue = getattr(pick, "residue", None)
    found: Residue | None = residue() if callable(residue) else residue
    return found


def _in_the_way(drawing: Any) -> bool:
    from chimerax.map import Volume

    return isinstance(drawing, Volume) or not getattr(drawing, "pickable", True)
