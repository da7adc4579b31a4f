"""core/src/session.py, core/src/nogui.py and core/src/updateloop.py."""

from types import SimpleNamespace

import numpy as np

from . import tasks
from .logger import Logger
from .models import Models
from .state import State, StateManager
from .tools import Tools
from .triggerset import TriggerSet, set_exception_reporter
from .undo import Undo

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

    def draw_new_frame(self):
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

    def block_redraw(self):
        self._block_redraw_count += 1

    def unblock_redraw(self):
        self._block_redraw_count -= 1

    def blocked(self):
        return self._block_redraw_count > 0


class Session:
    """A session without a GUI."""

    def __init__(self, app_name="ChimeraX", *, debug=False, silent=False, minimal=True):
        self._state_containers = {}
        self._snapshot_methods = {}
        self.app_name = app_name
        self.session_file_path = None
        self.restore_options = {}
        self.in_script = False
        self.triggers = TriggerSet()
        for name, remove_bad_handlers in CORE_TRIGGERS.items():
            self.triggers.add_trigger(name, remove_bad_handlers=remove_bad_handlers)
        for name in tasks.task_triggers:
            self.triggers.add_trigger(name)
        self.logger = Logger(self)
        set_exception_reporter(lambda preface, logger=self.logger: logger.report_exception(preface=preface))
        self.ui = _UI()
        self.update_loop = _UpdateLoop(self)
        self.main_view = SimpleNamespace(redraw_needed=False, frame_number=0, background_color=np.zeros(4))
        self.models = Models(self)
        self.tasks = tasks.Tasks(self)
        self.tools = Tools(self)
        self.undo = Undo(self)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if not name.startswith("_") and isinstance(value, StateManager):
            self.add_state_manager(name, value)

    def add_state_manager(self, tag, container):
        if not isinstance(container, State) and not hasattr(container, "clear"):
            raise ValueError(f'container "{tag}" does not have snapshot methods and does not have clear method')
        self._state_containers[tag] = container

    def get_state_manager(self, tag):
        return self._state_containers[tag]

    def remove_state_manager(self, tag):
        del self._state_containers[tag]

    def snapshot_methods(self, obj, instance=True, base_type=State):
        cls = obj.__class__ if instance else obj
        return cls if issubclass(cls, base_type) else None

    def reset(self):
        """What `close session` does."""
        self.session_file_path = None
        for tag in list(self._state_containers):
            container = self._state_containers.get(tag)
            if isinstance(container, StateManager):
                container.reset_state(self)
            elif container is not None:
                container.clear()
