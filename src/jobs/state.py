"""What a job is: its states, the layout of its model, and what a command hands over."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from chimerax.atomic import AtomicStructure
    from chimerax.geometry import Place
    from chimerax.map import Volume
    from numpy.typing import NDArray

__all__ = ["JobState", "Layout", "PreparedJob"]


class JobState(str, Enum):
    """Where a job is on its way."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come from the engine."""
        return self in (JobState.FINISHED, JobState.STOPPED, JobState.FAILED)

    @property
    def active(self) -> bool:
        """Whether the engine works on it (or holds it)."""
        return self in (JobState.STARTING, JobState.RUNNING, JobState.PAUSED, JobState.STOPPING)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, eq=False)
class Layout:
    """Full-length backbone model of a job; every frame has its residues in this order.

    Attributes
    ----------
    chains, numbers, insertion_codes, names : tuple
        Chain name, residue number, insertion code ('' for none) and three-letter name, for each residue.
    known : tuple of bool
        Whether the starting model has the residue.
    links : tuple of bool
        Whether a peptide bond leads to the next residue.
    coordinates : ndarray, float64, shape (N, 4, 3)
        N, CA, C and O of each residue before sampling, in angstrom, in the frame of the job's files.
    """

    chains: tuple[str, ...]
    numbers: tuple[int, ...]
    insertion_codes: tuple[str, ...]
    names: tuple[str, ...]
    known: tuple[bool, ...]
    links: tuple[bool, ...]
    coordinates: NDArray[np.float64]

    @property
    def n_residues(self) -> int:
        """Number of residues N."""
        return len(self.chains)


@dataclass(frozen=True, eq=False)
class PreparedJob:
    """What a command hands over to the job manager.

    Attributes
    ----------
    kind : str
        One of `KINDS` of the contract.
    spec : dict
        Specification as ``engine.contract.specification.to_dict`` gives it; paths are absolute.
    folder : Path
        Job folder, ``spec["output"]``; the engine makes it.
    title : str
        For tables and the log, such as ``refine #2 in #1``.
    command : str
        The equivalent command.
    model, map : optional
        What the user chose; `Job` keeps weak references only.
    frame_to_scene : Place or None
        From the frame of the job's files to the scene, when the job was handed over; None is the identity.
    live : bool
        Whether the running job is shown.
    extra : dict
        Plain values for whoever prepared the job; saved with the session.
    """

    kind: str
    spec: dict[str, Any]
    folder: Path
    title: str
    command: str = ""
    model: AtomicStructure | None = None
    map: Volume | None = None
    frame_to_scene: Place | None = None
    live: bool = True
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """Device that the job asks for: ``auto``, ``cpu``, ``cuda:1`` ..."""
        return str(self.spec.get("device", "auto"))

    @property
    def replicas(self) -> int:
        """Replicas that the job computes."""
        return int(self.spec.get("replicas", 1))
