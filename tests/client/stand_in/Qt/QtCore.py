"""Imitates prereqs/qtshim/Qt/QtCore.py."""

from PySide6.QtCore import *  # noqa: F403
