"""core/src/session.py, core/src/nogui.py and core/src/updateloop.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tasks
from .logger import Logger
from .models import Models
from .state import State, StateManager
from .tools import Tools
from .triggerset import TriggerSet, set_exception_reporter
from .undo import Undo

if TYPE_CHECKING:
    from chimerax.seqalign.manager import AlignmentsManager

CORE_TRIGGERS = {
    "app quit": True,
    "begin restore session": False,
    "begin save session": False,
    "command failed": False,
    "command finished": False,
    "command started": False,
    "end restore session": False,
    "end save session": False,
    "frame drawn": True,
    "graphics update": True,
    "new frame": True,
    "shape changed": False,
}
"""core/src/core_triggers.py: the triggers, and whether handlers that fail are removed."""


class _UI:
    """core/src/nogui.py, UI: functions for the main thread are called where they are."""

    is_gui = False
    settings = SimpleNamespace(default_tool_window_side="right")
    """ui/src/settings.py, of the window only."""

    def thread_safe(self, func, *args, **kw):
        func(*args, **kw)


class _UpdateLoop:
    """core/src/updateloop.py: drawing is not imitated, the trigger is."""

    redraw_interval = 16.667

    def __init__(self, session):
        self._session = session
        self._block_redraw_count = 0
        self.last_draw_time = 0.0
        self.last_drawing_change_time = 0.0

    def draw_new_frame(self) -> bool:
        if self._block_redraw_count > 0:
            return False
        self.block_redraw()
        try:
            self._session.triggers.activate_trigger("new frame", self)
            from chimerax.atomic import check_for_changes

            check_for_changes(self._session)
        finally:
            self.unblock_redraw()
        return False

    def block_redraw(self) -> None:
        self._block_redraw_count += 1

    def unblock_redraw(self) -> None:
        self._block_redraw_count -= 1

    def blocked(self) -> bool:
        return self._block_redraw_count > 0


class _Camera:
    """graphics/src/camera.py: a camera that looks along its -z axis."""

    def __init__(self) -> None:
        from chimerax.geometry import Place

        self.position = Place(origin=(0, 0, 100))


class _ClipPlane:
    """graphics/src/clipping.py: in the scene, or, near and far ones, with the camera."""

    def __init__(self, name: str, point: Any, view: _View) -> None:
        self.name = name
        self._view = view
        self.plane_point = point

    @property
    def _frame(self) -> Any:
        from chimerax.geometry import Place

        return self._view.camera.position if self.name in ("near", "far") else Place()

    @property
    def plane_point(self) -> Any:
        return self._frame * self._point

    @plane_point.setter
    def plane_point(self, point: Any) -> None:
        self._point = self._frame.inverse() * point

    def copy(self) -> _ClipPlane:
        return _ClipPlane(self.name, self.plane_point, self._view)


class _ClipPlanes:
    """graphics/src/clipping.py."""

    def __init__(self) -> None:
        self._planes: list[_ClipPlane] = []

    def planes(self) -> list[_ClipPlane]:
        return self._planes

    def set_clip_position(self, name: str, point: Any, view: _View) -> None:
        self._planes.append(_ClipPlane(name, point, view))

    def replace_planes(self, planes: list[_ClipPlane]) -> None:
        self._planes = list(planes)

    def clear(self) -> None:
        self._planes = []


class _View:
    """graphics/src/view.py: drawing is not imitated, the camera goes where all of the bounds is seen."""

    def __init__(self) -> None:
        self.redraw_needed = False
        self.frame_number = 0
        self.background_color = np.zeros(4)
        self.camera = _Camera()
        self.clip_planes = _ClipPlanes()

    def view_all(self, bounds: Any = None, pad: float = 0) -> None:
        from chimerax.geometry import Place

        axes = self.camera.position.axes()
        away = 2 * float(np.linalg.norm(bounds.size())) * (1 + pad)
        self.camera.position = Place(axes=axes, origin=bounds.center() + away * axes[2])


class _Selection:
    """core/src/selection.py."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def clear(self) -> None:
        for model in self._session.models.list():
            for atom in getattr(model, "atoms", ()):
                atom.selected = False


class Session:
    """A session without a GUI."""

    alignments: AlignmentsManager
    """seqalign/src/__init__.py adds it, where that bundle is."""
    open_command: Any
    """open_command/src/__init__.py adds it."""

    def __init__(
        self, app_name: str = "ChimeraX", *, debug: bool = False, silent: bool = False, minimal: bool = True
    ) -> None:
        self._state_containers: dict[str, Any] = {}
        self._snapshot_methods = {}
        self.app_name = app_name
        self.session_file_path: str | None = None
        self.restore_options: dict[str, Any] = {}
        self.in_script = False
        self.triggers = TriggerSet()
        for name, remove_bad_handlers in CORE_TRIGGERS.items():
            self.triggers.add_trigger(name, remove_bad_handlers=remove_bad_handlers)
        for name in tasks.task_triggers:
            self.triggers.add_trigger(name)
        self.logger = Logger(self)
        set_exception_reporter(lambda preface, logger=self.logger: logger.report_exception(preface=preface))
        self.ui: Any = _UI()  # with a window it is a QApplication, ui/src/gui.py
        self.update_loop = _UpdateLoop(self)
        self.main_view: Any = _View()
        from chimerax.mouse_modes import MouseModes

        self.ui.mouse_modes = MouseModes(self)  # of a window only
        self.models = Models(self)
        self.selection = _Selection(self)
        self.tasks = tasks.Tasks(self)
        self.tools = Tools(self)
        self.undo = Undo(self)
        from chimerax.seqalign.manager import AlignmentsManager

        self.alignments = AlignmentsManager()

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if not name.startswith("_") and isinstance(value, StateManager):
            self.add_state_manager(name, value)

    def add_state_manager(self, tag: str, container: Any) -> None:
        if not isinstance(container, State) and not hasattr(container, "clear"):
            raise ValueError(f'container "{tag}" does not have snapshot methods and does not have clear method')
        self._state_containers[tag] = container

    def get_state_manager(self, tag: str) -> Any:
        return self._state_containers[tag]

    def remove_state_manager(self, tag: str) -> None:
        del self._state_containers[tag]

    def snapshot_methods(self, obj, instance=True, base_type=State):
        cls = obj.__class__ if instance else obj
        return cls if issubclass(cls, base_type) else None

    def reset(self) -> None:
        """What `close session` does."""
        self.session_file_path = None
        for tag in list(self._state_containers):
            container = self._state_containers.get(tag)
            if isinstance(container, StateManager):
                container.reset_state(self)
            elif container is not None:
                container.clear()
