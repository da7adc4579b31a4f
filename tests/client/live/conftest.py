"""A job manager whose engine says what the test tells it to say."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest


def helix(n: int, rise: float = 1.5) -> np.ndarray:
    """Backbone (N, 4, 3) of an alpha helix along z, in angstrom."""
    turns = np.deg2rad(100.0 * np.arange(n))
    xyz = np.zeros((n, 4, 3))
    for j, (radius, angle, shift) in enumerate(((1.55, -28, -0.9), (2.3, 0, 0.0), (1.65, 27, 1.1), (2.0, 25, 2.3))):
        at = turns + np.deg2rad(angle)
        xyz[:, j] = np.stack([radius * np.cos(at), radius * np.sin(at), rise * np.arange(n) + shift], axis=-1)
    return xyz


class Errors:
    """Error output of an engine that writes none."""

    text = ""

    def begin_job(self) -> None:
        """Nothing to forget."""

    def save_to(self, folder: Path | None) -> None:
        """Nothing to save."""


class ScriptedEngine:
    """Stands where the connection to an engine stands: reports what it is told to, keeps what it is sent."""

    pid = 0
    program_gone = False

    def __init__(self) -> None:
        self.errors = Errors()
        self.last_heard = time.monotonic()
        self.sent: list[object] = []
        self._reports: list[object] = []

    def send(self, message: object) -> None:
        self.sent.append(message)

    def report(self, *messages: object) -> None:
        self._reports += messages
        self.last_heard = time.monotonic()

    def take(self) -> list[object]:
        reports, self._reports = self._reports, []
        return reports

    def close(self, grace: float) -> None:
        """Nothing to end."""

    def kill(self, reason: str) -> None:
        raise AssertionError(f"the engine was to be ended: {reason}")


class Bench:
    """A session's manager, its scripted engine, and reports for a small job."""

    def __init__(self, session, manager, engine: ScriptedEngine, folder: Path) -> None:
        self.session = session
        self.manager = manager
        self.engine = engine
        self.folder = folder
        self.step = 0

    def helix(self, n: int) -> np.ndarray:
        """Backbone (N, 4, 3) of a helix."""
        return helix(n)

    def mmcif(self, models: np.ndarray, layout, confidence: np.ndarray) -> str:
        """Text of a file with these models."""
        return mmcif(models, layout, confidence)

    def submit(self, n: int = 24, replicas: int = 3, layout: bool = True, **fields):
        """A running job of n residues in two chains; with its layout unless told otherwise."""
        from chimerax.adp3d.jobs.state import PreparedJob

        folder = self.folder / f"job_{len(self.manager.jobs) + 1}"
        spec = {"device": "cpu", "replicas": replicas, "output": str(folder)}
        prepared = PreparedJob("refine", spec, folder, "refine #2 in #1", "adp3d refine #2 inMap #1", **fields)
        job = self.manager.submit(prepared)
        self.start(job, n, layout)
        return job

    def start(self, job, n: int = 24, layout: bool = True) -> None:
        from chimerax.adp3d.engine.contract import messages

        self.engine.report(messages.Started(job.key, str(job.folder)))
        if layout:
            self.engine.report(self.layout(job, n))
        self.manager.pump()

    def layout(self, job, n: int = 24):
        from chimerax.adp3d.engine.contract import messages

        half = n // 2
        links = [i not in (half - 1, n - 1) for i in range(n)]
        return messages.Layout(
            job.key,
            ["A"] * half + ["B"] * (n - half),
            [*range(5, 5 + half), *range(101, 101 + n - half)],
            [""] * n,
            ["ALA", "GLY", "SER", "LEU"] * (n // 4),
            [True] * n,
            links,
            helix(n)[None].astype(np.float32),
        )

    def frame(self, job, n: int = 24, replicas: int = 3, seed: int = 0) -> np.ndarray:
        """Report a frame, (replica, N, 4, 3), without pumping."""
        from chimerax.adp3d.engine.contract import messages

        self.step += 1
        noise = np.random.default_rng(seed + self.step).normal(0.0, 0.5, (replicas, n, 4, 3))
        coordinates = (helix(n) + noise).astype(np.float32)
        self.engine.report(messages.Frame(job.key, self.step, coordinates))
        return coordinates

    def metric(self, job, name: str, values) -> None:
        from chimerax.adp3d.engine.contract import messages

        self.engine.report(messages.Metric(job.key, name, [float(v) for v in values], self.step))

    def best(self, job, replica: int) -> None:
        """Report which replica is the best, without pumping."""
        from chimerax.adp3d.engine.contract import messages

        self.engine.report(messages.Best(job.key, replica, self.step))


@pytest.fixture
def bench(session, tmp_path, monkeypatch):
    from chimerax.adp3d.jobs import manager as module
    from chimerax.adp3d.live.models import live_models

    engine = ScriptedEngine()
    monkeypatch.setattr(module.environment, "require", lambda session: None)
    manager = module.job_manager(session)
    monkeypatch.setattr(manager._engines, "connect", lambda: engine)
    manager._engines.queues.clear()
    live = live_models(session)
    yield Bench(session, manager, engine, tmp_path)
    live.forget()
    for job in list(manager.jobs):
        manager.jobs.remove(job)
    manager._engines.queues.clear()
    session.models.close(session.models.list())


@pytest.fixture
def log(session, monkeypatch):
    """Texts that are logged from here on."""
    texts: list[str] = []
    for name in ("info", "warning"):
        write = getattr(session.logger, name)
        monkeypatch.setattr(
            session.logger, name, lambda text, *args, write=write, **kw: (texts.append(text), write(text, *args, **kw))
        )
    return texts


def mmcif(models: np.ndarray, layout, confidence: np.ndarray) -> str:
    """Backbones (model, N, 4, 3) with a confidence for each residue, as a result of the engine has them."""
    columns = (
        *("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id"),
        *("label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy"),
        *("B_iso_or_equiv", "auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
    )
    lines = ["data_result", "loop_", *(f"_atom_site.{name}" for name in columns)]
    serial = 0
    for m, model in enumerate(models, start=1):
        for i, residue in enumerate(model):
            for name, (x, y, z) in zip(("N", "CA", "C", "O"), residue, strict=True):
                serial += 1
                chain, number = layout.chains[i], layout.numbers[i]
                lines.append(
                    f"ATOM {serial} {name[0]} {name} . {layout.names[i]} {chain} 1 {i + 1} ? "
                    f"{x:.3f} {y:.3f} {z:.3f} 1.00 20.00 {number} {chain} {m}"
                )
    lines += ["#", "loop_", *(f"_ma_qa_metric_local.{name}" for name in ("label_asym_id", "label_seq_id"))]
    lines += ["_ma_qa_metric_local.metric_value"]
    lines += [f"{layout.chains[i]} {i + 1} {value:.2f}" for i, value in enumerate(confidence)]
    return "\n".join([*lines, "#", ""])
