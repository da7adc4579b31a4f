"""Imitates prereqs/qtshim/Qt/QtGui.py."""

from PySide6.QtGui import *  # noqa: F403
