"""mouse_modes/src: modes of mouse buttons and entries of the menu of the select mode; no window, so no events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from chimerax.core.session import Session


class MouseEvent:
    """mouse_modes/src/mousemodes.py: where the mouse is."""

    def position(self) -> tuple[int, int]:
        raise NotImplementedError


class MouseMode:
    """mouse_modes/src/mousemodes.py."""

    name = "mode name"

    def __init__(self, session: Session) -> None:
        self.session = session
        self.view = session.main_view
        self.mouse_down_position: tuple[int, int] | None = None

    def mouse_down(self, event: MouseEvent) -> None:
        self.mouse_down_position = event.position()

    def mouse_up(self, event: MouseEvent) -> None:
        self.mouse_down_position = None


class MouseModes:
    """mouse_modes/src/mousemodes.py: the modes that there are."""

    def __init__(self, session: Session) -> None:
        self._available_modes: list[MouseMode] = []

    @property
    def modes(self) -> list[MouseMode]:
        return self._available_modes

    def add_mode(self, mode: MouseMode) -> None:
        self._available_modes.append(mode)

    def named_mode(self, name: str) -> MouseMode | None:
        return next((mode for mode in self._available_modes if mode.name == name), None)


class SelectContextMenuAction:
    """mouse_modes/src/std_modes.py: an entry."""

    dangerous = False

    def label(self, session: Session, event: Any) -> str:
        return "unknown"

    def criteria(self, session: Session, event: Any) -> bool:
        return False

    def callback(self, session: Session, event: Any) -> None:
        pass


class SelectMouseMode(MouseMode):
    """mouse_modes/src/std_modes.py: whose menu it is."""

    _menu_entry_info: ClassVar[list[SelectContextMenuAction]] = []

    @staticmethod
    def register_menu_entry(menu_entry: SelectContextMenuAction) -> None:
        SelectMouseMode._menu_entry_info.append(menu_entry)
