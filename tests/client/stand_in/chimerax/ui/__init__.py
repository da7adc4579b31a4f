"""ui/src/__init__.py."""

from .gui import MainToolWindow

__all__ = ["MainToolWindow"]
