"""Callbacks that report errors in the panel: an uncaught one would open a modal dialog of ChimeraX."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

__all__ = ["guard"]


def guard(session: Any, report: Callable[[str], None], function: Callable[[], None]) -> Callable[..., None]:
    """Callback for a Qt signal, a timer or a trigger that never raises.

    Parameters
    ----------
    session : Session
        Its log gets the errors as warnings, which open no dialog.
    report : callable
        Shows one sentence to the user.
    function : callable
        What to do. What the signal carries is not handed on: callbacks read the widgets instead.

    Returns
    -------
    callable
        Takes any arguments and returns nothing, so that a trigger keeps it as its handler.
    """
    from chimerax.core.errors import CancelOperation, NotABug

    def callback(*_: object) -> None:
        try:
            function()
        except CancelOperation:
            report("Cancelled.")
        except NotABug as error:
            report(str(error))
            session.logger.warning(str(error))
        except Exception as error:
            report(f"The panel met an error ({error}); the Log has the details.")
            session.logger.warning(traceback.format_exc())

    return callback
