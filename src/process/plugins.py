"""Priors and measurements that other packages add to the engine, whose environment only the engine sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.contract.domains import Plugin
from ..engine.contract.plugins import MEASUREMENTS, PRIORS
from ..settings import adp3d_settings
from .hosts import hosts

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..engine.contract.domains import Device
    from ..engine.contract.messages import Welcome

__all__ = ["known_names", "remember"]


def known_names(session: Session, domain: Plugin | Device) -> tuple[str, ...]:
    """Names that can be offered: those built in, and what the latest engine had beside them; engines among devices.

    They are kept from one session to the next.
    """
    if not isinstance(domain, Plugin):
        return (*domain.built_in, *hosts(session))
    told = adp3d_settings(session).engine_plugins
    others = told.get(domain.group, ()) if isinstance(told, dict) else ()
    return (*domain.built_in, *(str(name) for name in others if name not in domain.built_in))


def remember(session: Session, welcome: Welcome) -> None:
    """Keep what an engine said when it started."""
    told = {PRIORS: list(welcome.priors), MEASUREMENTS: list(welcome.measurements)}
    settings = adp3d_settings(session)
    if settings.engine_plugins != told:
        settings.engine_plugins = told
