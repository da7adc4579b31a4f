"""How attempts of workers ended, as the cluster knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .task import Outcome

if TYPE_CHECKING:
    from distributed import Future

__all__ = ["outcome_of"]


def outcome_of(future: Future[Any]) -> Outcome:
    """How an attempt ended, also where its worker did not live to tell."""
    if future.status == "finished":
        result = future.result()
        if isinstance(result, Outcome):
            return result
        return Outcome("failed", "", f"A worker answered {type(result).__name__}; it has another version of ADP-3D.")
    if future.status == "cancelled":
        return Outcome("failed", "", "The connection to the scheduler was lost.")
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        worker = getattr(getattr(error, "last_worker", None), "name", "")
        return Outcome("failed", f"{worker}", "Its worker ended without a word (out of memory, or killed).", died=True)
    return Outcome("failed", "", f"The worker could not run it ({type(error).__name__}: {error}).")
