"""``adp3d backmap``: all atoms of traces, coarse-grained models, backbones and incomplete models, frame by frame."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.folder_state import CHECKPOINTS
from ..contract.messages import Layout
from ..contract.specification import BackmapSpec
from ..job.events import Control, Events
from ..job.folder import JobFolder
from ..job.runtime import choose_device, set_threads
from ..sidechain.clash_free import sample_without_clashes
from ..sidechain.contacts import ClashFinder
from ..sidechain.network import SideChainModel
from ..sidechain.scene import Scene
from ..sidechain.templates import RESIDUE_NAMES
from ..sidechain.weights_file import default_side_chain_model
from ..structure.read import read_structure
from ..validation.validate import validate_model
from .backmap_input import BackmapInput, impossible_steps, named, read_input
from .backmap_plan import BackmapPlan, make_plan
from .backmap_records import complete_records
from .model_stream import CifText, PdbText, StreamedFile

__all__ = ["BATCH", "draw_frame", "run", "sample_generator"]

BATCH = 8
"""Samples computed at once. A fixed number, so that they do not depend on the memory at hand; more are no faster."""
_STAGE = "building atoms"
_CHECKPOINT_SECONDS = 10.0
_LARGEST = 2000
"""Residues up to which the first model is validated: some ten seconds."""
_NAMED_FRAMES = 3


def run(spec: BackmapSpec, job: JobFolder, events: Events, control: Control) -> Mapping[str, Any]:
    """Build all atoms of each frame of ``spec.model``, ``spec.samples`` times.

    Parameters
    ----------
    spec : BackmapSpec
    job : JobFolder
    events : Events
    control : Control

    Returns
    -------
    mapping
        Metrics.

    Raises
    ------
    InputError
        If the input cannot be used.
    """
    device = choose_device(spec.device)
    set_threads()
    given = read_input(spec, events.message)
    plan = _plan(spec, given)
    _tell_plan(plan, len(given.frames), spec.samples, events)
    model = _model_on(device)
    running = _Run(spec, job, events, given, plan, model)
    try:
        running.frames(control)
    finally:
        running.close()
    running.finish()
    return _metrics(spec, job, plan, running)


def sample_generator(seed: int, frame: int, sample: int) -> torch.Generator:
    """Random numbers of one sample of one frame: the same whatever is computed before or beside it."""
    state = np.random.SeedSequence([seed, frame, sample]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> 1))


def draw_frame(
    model: SideChainModel,
    plan: BackmapPlan,
    given: NDArray[np.float64],
    seed: int,
    frame: int,
    samples: int,
    poll: Callable[[], object] = lambda: None,
) -> tuple[list[NDArray[np.float64]], torch.Tensor, NDArray[np.int64]]:
    """All atoms of one frame.

    Parameters
    ----------
    model : SideChainModel
    plan : BackmapPlan
    given : ndarray, shape (A, 3)
        Atoms of the frame, CA in place of beads.
    seed, frame, samples : int
    poll : callable
        Called between batches; what it raises ends the computation.

    Returns
    -------
    written : list of ndarray, each of shape (n, 3)
        What is written of each sample, in angstrom.
    backbones : Tensor, shape (samples, N, 4, 3)
        In angstrom, where they lie in the frame.
    clashes : ndarray of int64, shape (samples,)
    """
    scene, centre = plan.scene(given)
    finder = ClashFinder(scene, plan.obstacles(given, centre))
    device = model.logits.weight.device
    shown = _moved(scene, device)
    parts, clashes = [], []
    for first in range(0, samples, BATCH):
        if first:
            poll()
        numbers = range(first, min(first + BATCH, samples))
        generators = [sample_generator(seed, frame, number) for number in numbers]
        drawn = sample_without_clashes(model, shown, generators, finder)
        parts.append(drawn.atoms.cpu())
        clashes.append(drawn.clashes)
    atoms = torch.cat(parts)
    backbones = (atoms[:, :, :4].double() + torch.from_numpy(centre)).float()
    return plan.written(given, atoms, centre), backbones, np.concatenate(clashes)


class _Run:
    """Frames that are done, and the files that they go to."""

    def __init__(
        self,
        spec: BackmapSpec,
        job: JobFolder,
        events: Events,
        given: BackmapInput,
        plan: BackmapPlan,
        model: SideChainModel,
    ) -> None:
        self._spec, self._job, self._events = spec, job, events
        self._given, self._plan, self._model = given, plan, model
        self.total = len(given.frames)
        state: dict[str, Any] = {}
        checkpoint = job.load_checkpoint()
        folder = job.path / CHECKPOINTS
        texts = {job.result: CifText(plan.structure)} | (
            {job.result_pdb: PdbText(plan.structure, self.total * spec.samples > 1)} if spec.pdb or given.is_pdb else {}
        )
        partial = {path: folder / f"{path.name}.partial" for path in texts}
        if checkpoint is not None:
            sizes = checkpoint.state["sizes"]
            there = all(p.is_file() and p.stat().st_size >= sizes.get(path.name, 0) for path, p in partial.items())
            # without what was written before, the frames are built again
            state = checkpoint.state if there else {}
        self.done: int = state.get("done", 0)
        self.clashes: int = state.get("clashes", 0)
        self.broken: int = state.get("broken", 0)
        sizes = state.get("sizes", {})
        self._files = [StreamedFile(text, partial[path], path, sizes.get(path.name, 0)) for path, text in texts.items()]
        self._names = [path.name for path in texts]
        self._saved = time.monotonic()

    def frames(self, control: Control) -> None:
        """Build what is left."""
        labels, names = self._plan.found.labels, self._plan.found.names
        bonded = self._plan.found.scene.bonded[0].numpy()
        samples = self._spec.samples
        first = self.done
        for frame in range(first, self.total):
            given = self._plan.given(self._given.frames.read(frame))
            odd = impossible_steps(self._plan.atoms(given), bonded, self._plan.backbones)
            if odd and self.broken < _NAMED_FRAMES:
                where = f"In frame {frame + 1}, the" if self.total > 1 else "The"
                self._events.message(
                    f"{where} residues {named(odd, labels, names)} are at a distance from the next ones that no "
                    "peptide group spans: bond lengths there are wrong.",
                    "warning",
                )
            self.broken += bool(odd)
            written, backbones, clashes = draw_frame(
                self._model, self._plan, given, self._spec.seed, frame, samples, lambda: control.poll(self.save)
            )
            if frame == first:
                self._events.layout(_layout(self._plan, backbones[:1].numpy()))
            for number, xyz in enumerate(written):
                for file in self._files:
                    file.add(frame * samples + number + 1, xyz)
            self.clashes += int(clashes.sum())
            self.done = frame + 1
            self._events.frame(self.done, backbones.numpy())
            self._events.overall(self.done, self.total)
            self._events.progress(_STAGE, self.done, self.total)
            if self.done < self.total:
                if time.monotonic() - self._saved > _CHECKPOINT_SECONDS:
                    self.save()
                control.poll(self.save)

    def save(self) -> None:
        """Leave a checkpoint."""
        sizes = {name: file.size() for name, file in zip(self._names, self._files, strict=True)}
        state = {"done": self.done, "clashes": self.clashes, "broken": self.broken, "sizes": sizes}
        self._job.save_checkpoint(self.done, {}, state)
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Give the files their names."""
        for file in self._files:
            file.finish()

    def first_model(self, path: Path) -> None:
        """Write the first model of the result to a file of its own."""
        self._files[0].copy_first(path)

    def close(self) -> None:
        """Let go of the files where something went wrong; what is written stays."""
        if self.done < self.total:
            for file in self._files:
                file.close()


def _plan(spec: BackmapSpec, given: BackmapInput) -> BackmapPlan:
    plan = make_plan(given.structure, given.beads, given.first, given.ends, spec.chains, spec.rebuild)
    complete_records(plan.structure, given.ends)
    return plan


def _model_on(device: torch.device) -> SideChainModel:
    model = default_side_chain_model()
    # the packaged model is shared and stays where it is
    return model if device.type == "cpu" else copy.deepcopy(model).to(device)


def _moved(scene: Scene, device: torch.device) -> Scene:
    return Scene(
        scene.atoms.to(device), scene.has_backbone.to(device), scene.shown.to(device), scene.known.to(device),
        scene.aatype.to(device), scene.chain_index.to(device), scene.residue_index.to(device), scene.present.to(device),
    )  # fmt: skip


def _tell_plan(plan: BackmapPlan, frames: int, samples: int, events: Events) -> None:
    """Say what is built."""
    parts = []
    if plan.backbones.any():
        parts.append(f"the backbones of {plan.backbones.sum():,} residues")
    if plan.side_chains.any():
        parts.append(f"the side chains of {plan.side_chains.sum():,} residues")
    what = " and ".join(parts) or "terminal oxygens"
    kept = len(plan.side_chains) - int((plan.side_chains | plan.backbones).sum())
    stays = f"; {kept:,} residues stay as they are" if kept else ""
    often = f", {frames:,} frames" if frames > 1 else ""
    events.message(f"Building {what}{often}, {samples:,} sample{'s' if samples > 1 else ''} each{stays}.")
    if plan.bare:
        few = ", ".join(plan.bare[:5]) + (f" and {len(plan.bare) - 5} more" if len(plan.bare) > 5 else "")
        events.message(f"Nothing is known of the side chains of {few}: only their backbones are built.", "warning")


def _layout(plan: BackmapPlan, backbone: NDArray[np.float32]) -> Layout:
    labels = plan.found.labels
    return Layout(
        job_id="",
        chains=[chain for chain, _, _ in labels],
        numbers=[number for _, number, _ in labels],
        insertion_codes=[code.strip() for _, _, code in labels],
        names=[RESIDUE_NAMES[kind] for kind in plan.found.scene.aatype[0].tolist()],
        known=(~(plan.side_chains | plan.backbones)).tolist(),
        links=plan.found.scene.bonded[0].tolist(),
        coordinates=backbone,
    )


def _metrics(spec: BackmapSpec, job: JobFolder, plan: BackmapPlan, done: _Run) -> dict[str, Any]:
    # atoms that stay cannot be too near to one another: a few built ones would drown among them
    atoms = plan.built_atoms * done.total * spec.samples
    metrics: dict[str, Any] = {
        "residues": len(plan.side_chains),
        "frames": done.total,
        "samples": spec.samples,
        "built_side_chains": int(plan.side_chains.sum()),
        "built_backbones": int(plan.backbones.sum()),
        "contacts_too_near": round(1000 * done.clashes / atoms, 3),
        "frames_with_impossible_steps": done.broken,
    }
    if len(plan.side_chains) <= _LARGEST:
        # the result may hold thousands of models
        first = job.path / CHECKPOINTS / f"first_model{job.result.suffix}"
        try:
            done.first_model(first)
            metrics["validation"] = {"after": validate_model(read_structure(first)).figures()}
        finally:
            first.unlink(missing_ok=True)
    return metrics
