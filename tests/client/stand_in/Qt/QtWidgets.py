"""Imitates prereqs/qtshim/Qt/QtWidgets.py."""

from PySide6.QtWidgets import *  # noqa: F403
