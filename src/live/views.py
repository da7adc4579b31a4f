"""The views of a session: which models show which job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .view import JobView

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["views_of"]

_ATTRIBUTE = "_adp3d_views"


def views_of(session: Session) -> dict[int, JobView]:
    """Views of the session by number of the job; `LiveModels` opens and drops them."""
    views: dict[int, JobView] | None = getattr(session, _ATTRIBUTE, None)
    if views is None:
        views = {}
        setattr(session, _ATTRIBUTE, views)
    return views
