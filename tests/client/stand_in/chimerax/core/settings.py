"""core/src/settings.py and the reading and writing of core/src/configfile.py."""

from __future__ import annotations

import ast
import configparser
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .triggerset import TriggerSet

if TYPE_CHECKING:
    from .session import Session


class Settings:
    """Named values; those of AUTO_SAVE are written as soon as they change."""

    AUTO_SAVE: ClassVar[dict[str, Any]] = {}
    EXPLICIT_SAVE: ClassVar[dict[str, Any]] = {}

    def __init__(self, session: Session, tool_name: str, version: str = "1") -> None:
        import chimerax

        folder = Path(chimerax.app_dirs.user_config_dir)
        values = {**self.AUTO_SAVE, **self.EXPLICIT_SAVE}
        for name in values:
            if name[0] == "_":
                raise ValueError("setting name cannot start with underscore")
        config = configparser.ConfigParser(interpolation=None)
        path = folder / f"{tool_name}-{version}"
        config.read(path, encoding="utf-8")
        if config.has_section("DEFAULT_") is False:
            config.add_section("DEFAULT_")
        saved = {name: ast.literal_eval(text) for name, text in config["DEFAULT_"].items() if name in values}
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_saved", saved)
        object.__setattr__(self, "_current", {**values, **saved})
        object.__setattr__(self, "triggers", TriggerSet())
        self.triggers.add_trigger("setting changed")

    def __getattr__(self, name: str) -> Any:
        try:
            return self._current[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._current:
            raise AttributeError(f"Unknown property name: {name}")
        before = self._current[name]
        if before == value:
            return
        self._current[name] = value
        if name in self.AUTO_SAVE:
            self.save(name)
        self.triggers.activate_trigger("setting changed", (name, before, value))

    def save(self, setting=None, *, settings=None):
        names = [setting] if setting else settings or list(self.EXPLICIT_SAVE)
        self._saved.update({name: self._current[name] for name in names})
        config = configparser.ConfigParser(interpolation=None)
        config["DEFAULT_"] = {name: repr(value) for name, value in self._saved.items()}
        with open(self._path, "w", encoding="utf-8") as stream:
            config.write(stream)

    def reset(self) -> None:
        for name, value in {**self.AUTO_SAVE, **self.EXPLICIT_SAVE}.items():
            setattr(self, name, value)
