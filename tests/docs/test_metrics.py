"""The keys of metrics.json and the files of a job folder are those that the guide describes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from adp3d.contract.specification import BackmapSpec, CompleteSpec, DistancesSpec, RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.export import write_models

SEQUENCE = "MKVLAAGITRSDWEFHNPQYCKLA"
MISSING = slice(10, 14)
QUICK = {"replicas": 2, "steps": 4, "device": "cpu", "prior": "gaussian"}

HELIX = {"N": (1.55, -0.46, -0.87), "CA": (2.29, 0.0, 0.0), "C": (1.68, 0.46, 1.12), "O": (2.02, 0.55, 2.31)}
"""Radius (A), phase (radians) and height (A) of each atom in an alpha helix."""


def _helix(count: int) -> np.ndarray:
    turn = np.deg2rad(100.0) * np.arange(count)[:, None]
    radius, phase, height = np.array(list(HELIX.values())).T
    angle = turn + phase
    rise = 1.5 * np.arange(count)[:, None] + height
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), rise], -1)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Complete and incomplete model, a map of the complete one, and distances."""
    folder = tmp_path_factory.mktemp("inputs")
    x = _helix(len(SEQUENCE))
    labels = [("A", i + 1, "") for i in range(len(SEQUENCE))]
    keep = [i for i in range(len(SEQUENCE)) if not MISSING.start <= i < MISSING.stop]
    write_models(folder / "whole.cif", x[None], SEQUENCE, labels)
    letters = "".join(SEQUENCE[i] for i in keep)
    write_models(folder / "part.cif", x[None, keep], letters, [labels[i] for i in keep])
    low, step = x.min((0, 1)) - 8.0, 1.0
    shape = np.ceil((x.max((0, 1)) + 8.0 - low) / step).astype(int)
    grid = low + step * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    values = sum(np.exp(-((grid - atom) ** 2).sum(-1) / 2.0) for atom in x.reshape(-1, 3))
    noise = 0.02 * np.random.default_rng(0).standard_normal(values.shape)
    write_map(DensityMap((values + noise).astype(np.float32), low, step * np.eye(3)), folder / "map.mrc")
    pairs = [(i, j) for i in range(len(SEQUENCE)) for j in range(i + 3, len(SEQUENCE), 3)]
    rows = [f"{i + 1},{j + 1},{np.linalg.norm(x[i, 1] - x[j, 1]):.3f}" for i, j in pairs]
    (folder / "distances.csv").write_text("\n".join(["residue1,residue2,distance", *rows]))
    return folder


@pytest.fixture(scope="module")
def jobs(inputs, tmp_path_factory):
    """Folders of one finished job of each kind, computed with few steps and the Gaussian prior."""
    folder = tmp_path_factory.mktemp("jobs")
    model = {"model": str(inputs / "part.cif"), "sequence": SEQUENCE, "reference": str(inputs / "whole.cif")}
    specs = [
        RefineSpec(output=str(folder / "refine"), map=str(inputs / "map.mrc"), resolution=3.0, **model, **QUICK),
        CompleteSpec(output=str(folder / "complete"), **model, **QUICK),
        DistancesSpec(
            output=str(folder / "distances"),
            restraints=str(inputs / "distances.csv"),
            sequence=SEQUENCE,
            reference=str(inputs / "whole.cif"),
            **QUICK,
        ),
        BackmapSpec(output=str(folder / "backmap"), model=str(inputs / "part.cif"), device="cpu", pdb=True),
    ]
    for spec in specs:
        execute(JobFolder.create(spec), NullEvents(), Control())
    return {spec.kind: JobFolder.open(spec.output) for spec in specs}


def _described(page: str, kind: str) -> set[str]:
    """Keys of the tables that concern a kind of job."""
    keys: set[str] = set()
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3 and (kind in cells[1] or "all" in cells[1]):
            keys |= set(re.findall(r"`(\w+)`", cells[0]))
    return keys


@pytest.mark.parametrize("kind", ["refine", "complete", "distances", "backmap"])
def test_every_figure_is_described_and_every_description_holds(pages, jobs, kind):
    described = _described(pages["docs/guide/results.md"], kind)
    metrics = jobs[kind].read_metrics()
    assert set(metrics) - described == set(), "these keys of metrics.json are not described"
    # what needs a GPU is not there on a CPU, and further measurements only where they were asked for
    assert described - set(metrics) - {"peak_device_memory_bytes", "measurements"} == set(), "these keys do not exist"


def test_nested_figures_are_described(pages, jobs):
    page = pages["docs/guide/results.md"]
    metrics = jobs["refine"].read_metrics()
    domain = metrics["displacement"]["domains"][0]
    for name in [*metrics["geometry"], *metrics["segments"][0], *metrics["displacement"], *domain]:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("kind", ["refine", "complete", "distances", "backmap"])
def test_every_file_of_the_job_folder_is_described(pages, jobs, kind):
    page = pages["docs/guide/resume.md"] + pages["docs/guide/results.md"]
    for path in jobs[kind].path.iterdir():
        if path.name != "lock":
            name = f"{path.name}/" if path.is_dir() else path.name
            assert f"`{name}`" in page, name


def test_settings_are_options(pages, jobs):
    """Every setting of a job can be given on the command line."""
    text = pages["docs/guide/options.md"]
    renamed = {
        "trajectory_interval": "trajectory",
        "map": "refine MAP",
        "model": "MODEL",
        "restraints": "RESTRAINTS",
        "distance_restraints": "--restraints",
    }
    for job in jobs.values():
        for name in vars(job.spec):
            assert renamed.get(name, f"--{name.replace('_', '-')}") in text, name
