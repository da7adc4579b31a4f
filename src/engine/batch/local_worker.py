"""What workers on this computer need beside dask; the only module here that needs dask to be imported."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    WorkerPlugin = object  # dask has no types
else:
    from distributed import WorkerPlugin

__all__ = ["OutlivesInterrupts"]


class OutlivesInterrupts(WorkerPlugin):
    """Plug-in of a worker: Ctrl-C reaches all programs of a terminal, and is for the first of them."""

    def setup(self, worker: Any) -> None:
        """In the worker's main thread, where its loop runs."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
