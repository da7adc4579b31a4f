"""Value and gradient of the density likelihood against sums over the whole grid and over Fourier space.

Usage: ``python benchmarks/density.py [--out FOLDER] [--threads N] [--atoms N]``. Takes about two minutes on
one core and writes ``speed.csv``, ``scaling.csv`` and ``density.png``.

``python benchmarks/density.py --against CHECKOUT`` compares with another state of the project, unpacked in a folder:
value and gradient, and a refinement step of 130 residues and 8 replicas (``benchmarks/scaling.py``), in CPU seconds of
one thread, the two in turn and the best of each. Prints and writes ``against.csv``.

All methods see the same synthetic protein, the same noisy map and the same scale and offset:

- ``local``: `adp3d.likelihood.density.DensityLikelihood`, which also finds scale and offset itself;
- ``separable``: the sum over the whole grid by matrix products of one-dimensional Gaussians;
- ``whole grid``: the distance of every atom to every voxel, five exponentials each;
- ``fourier``: the structure factor of every atom at every voxel of Fourier space (cosine, sine and form
  factor), as in the public ADP-3D code, with the squared difference taken there (Parseval).

The three sums find the gradient in the same pass as the value and without autograd, which favours them.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from adp3d.job.runtime import tune_process
from adp3d.likelihood.density import DensityLikelihood
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import AtomSet, backbone_to_atoms, prepare_atoms

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SPACING = 0.7
B_FACTOR = 60.0
RESOLUTION = 2.5
DISPLACEMENT = 0.4
ATOMS_PER_RESIDUE = 7.63
RESIDUE_VOLUME = 135.0
PADDING = 10.0
SIZES = (500, 1000, 2000, 5000, 10_000, 20_000)
VOXELS_AT_ONCE = 1 << 10
"""Voxels the baselines take at a time: their tables stay in the cache."""
FOUR_PI_SQUARED = 4 * math.pi**2
REPEATS = 3
"""Times that each state is measured: other work on the machine slows single runs."""
MEASURED = {
    "value and gradient": """
import density, json, sys, time, torch
torch.set_num_threads(1)
problem = density.make_problem(int(sys.argv[1]), int(sys.argv[2]))
seconds = []
for _ in range(40):
    start = time.process_time()
    problem.likelihood.value_and_grad(problem.x)
    seconds.append(time.process_time() - start)
print(json.dumps(min(seconds)))
""",
    "refinement step": """
import json, scaling
row = scaling.measure(scaling.Case("refinement", 130, 8, 6, 0, 1))
print(json.dumps(row["cpu_seconds_per_step"]))
""",
}
"""Programs that measure one state: its benchmarks and its engine are on the path."""
IDEAL_RESIDUE = np.array([[1.361, -0.523, 0.0], [0.0, 0.0, 0.0], [0.0, 1.525, 0.0], [-1.07, 2.14, 0.2]])


@dataclass(frozen=True)
class Problem:
    """A displaced model and the noisy map of the true one."""

    likelihood: DensityLikelihood
    atoms: AtomSet
    grid: Grid
    target: Tensor
    x: Tensor


@dataclass(frozen=True)
class Answer:
    """Log-likelihood, gradient with respect to the backbone, and seconds."""

    value: float
    gradient: Tensor
    seconds: float


def synthetic_backbone(n_residues: int, rng: np.random.Generator) -> np.ndarray:
    """Residues with ideal geometry, turned at random, packed in a ball at the density of proteins."""
    step = RESIDUE_VOLUME ** (1 / 3)
    reach = math.ceil((3 * n_residues / (4 * math.pi)) ** (1 / 3)) + 2
    lattice = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
    places = lattice[np.argsort((lattice**2).sum(-1), kind="stable")[:n_residues]]
    places = step * (places + rng.uniform(-0.2, 0.2, places.shape))
    turns = Rotation.random(n_residues, random_state=rng).as_matrix()
    return np.einsum("nij,aj->nai", turns, IDEAL_RESIDUE) + places[:, None]


def make_problem(n_atoms: int, n_voxels: int | None, seed: int = 0) -> Problem:
    """About `n_atoms` atoms on a cube of `n_voxels` a side, or the smallest cube that holds them."""
    rng = np.random.default_rng(seed)
    n_residues = round(n_atoms / ATOMS_PER_RESIDUE)
    truth = synthetic_backbone(n_residues, rng)
    atoms = prepare_atoms(rng.integers(0, 20, n_residues), b_factor=B_FACTOR)
    if n_voxels is None:
        n_voxels = math.ceil((np.ptp(truth) + 2 * PADDING) / SPACING)
    corner = -SPACING * (n_voxels - 1) / 2
    grid = Grid((corner,) * 3, (SPACING,) * 3, (n_voxels,) * 3)
    exact = torch.as_tensor(truth[None], dtype=torch.float32)
    target = 2.0 * atoms.density(grid, tolerance=1e-6)(backbone_to_atoms(exact, atoms))[0] + 0.1
    generator = torch.Generator().manual_seed(seed)
    sigma = 0.2 * float(target.std())
    target = target + sigma * torch.randn(target.shape, generator=generator)
    likelihood = DensityLikelihood.from_map(target, grid, atoms, RESOLUTION, sigma**2)
    x = exact + DISPLACEMENT * torch.randn(exact.shape, generator=generator)
    return Problem(likelihood, atoms, grid, target, x)


def local(problem: Problem, repeats: int) -> Answer:
    """Evaluate the likelihood of the package; best time of several."""
    seconds = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        value, gradient = problem.likelihood.value_and_grad(problem.x)
        seconds = min(seconds, time.perf_counter() - start)
    return Answer(float(value[0]), gradient, seconds)


Sums = Callable[[Problem, Tensor, float, float], tuple[float, Tensor]]
"""Half the sum of squared residuals over the grid, and its gradient (A, 3), for given scale and offset."""


def by_sum(problem: Problem, half_square: Sums) -> Answer:
    """Log-likelihood from a sum over atoms, its gradient taken back to the backbone."""
    fit = problem.likelihood.fit(problem.x)
    level = problem.likelihood.levels[0]
    start = time.perf_counter()
    leaf = problem.x.clone().requires_grad_(True)
    xyz = backbone_to_atoms(leaf, problem.atoms)
    value, gradient = half_square(problem, xyz[0].detach(), float(fit.scale[0]), float(fit.offset[0]))
    weight = -level.independent_fraction / level.variance
    (gradient,) = torch.autograd.grad(xyz, leaf, weight * gradient[None])
    return Answer(weight * value, gradient, time.perf_counter() - start)


def gaussians(atoms: AtomSet) -> tuple[Tensor, Tensor]:
    """Exponents and peaks (A, 5) of the atoms' Gaussians."""
    width = atoms.width + atoms.b_factor[:, None]
    return FOUR_PI_SQUARED / width, atoms.occupancy[:, None] * atoms.amplitude * (4 * math.pi / width) ** 1.5


def axes(grid: Grid) -> list[Tensor]:
    """Voxel positions along x, y and z."""
    return [o + s * torch.arange(n) for o, s, n in zip(grid.origin, grid.spacing, grid.shape, strict=True)]


def whole_grid(problem: Problem, xyz: Tensor, scale: float, offset: float) -> tuple[float, Tensor]:
    """Every atom at every voxel."""
    beta, peak = gaussians(problem.atoms)
    x, y, z = axes(problem.grid)
    points = torch.cartesian_prod(x, y, z)
    total, gradient = 0.0, torch.zeros_like(xyz)
    for point, target in zip(points.split(VOXELS_AT_ONCE), problem.target.flatten().split(VOXELS_AT_ONCE), strict=True):
        square = torch.zeros(len(point), len(xyz))
        for axis in range(3):
            square += (point[:, axis, None] - xyz[:, axis]) ** 2
        density, slope = torch.zeros_like(square), torch.zeros_like(square)
        for j in range(beta.shape[1]):
            # below exp(-80) the library's exponential is twenty times slower
            term = torch.exp((-beta[:, j] * square).clamp_(min=-80)).mul_(peak[:, j])
            density += term
            slope += term.mul_(2 * beta[:, j])
        residual = scale * density.sum(1) + offset - target
        total += 0.5 * float(residual.square().sum())
        slope *= scale * residual[:, None]
        gradient += slope.T @ point - slope.sum(0)[:, None] * xyz
    return total, gradient


def separable(problem: Problem, xyz: Tensor, scale: float, offset: float) -> tuple[float, Tensor]:
    """One-dimensional Gaussians along whole axes, contracted by matrix products."""
    beta, peak = gaussians(problem.atoms)
    nx, ny, nz = problem.grid.shape
    pieces = []
    density = torch.zeros(nx * ny, nz)
    for part in torch.arange(len(xyz)).split(64):
        offsets = [axis - xyz[part, i, None] for i, axis in enumerate(axes(problem.grid))]
        gx, gy, gz = (torch.exp(-beta[part][..., None] * d[:, None] ** 2).flatten(0, 1) for d in offsets)
        gx = gx * peak[part].reshape(-1, 1)
        xy = (gx[:, :, None] * gy[:, None]).flatten(1)
        density.addmm_(xy.T, gz)
        pieces.append((part, offsets, gx, gy, gz))
    residual = scale * density + offset - problem.target.reshape(nx * ny, nz)
    gradient = torch.zeros_like(xyz)
    for part, offsets, gx, gy, gz in pieces:
        dx, dy, dz = (d.repeat_interleave(beta.shape[1], 0) for d in offsets)
        lines = residual @ torch.cat([gz, gz * dz]).T
        plain, along_z = lines.T.reshape(2, len(gx), nx, ny).unbind(0)
        columns = torch.einsum("kxy,ky->kx", plain, gy)
        terms = (
            torch.einsum("kx,kx->k", columns, gx * dx),
            torch.einsum("kxy,kx,ky->k", plain, gx, gy * dy),
            torch.einsum("kxy,kx,ky->k", along_z, gx, gy),
        )
        slope = torch.stack(terms, -1).reshape(len(part), -1, 3)
        gradient[part] = 2 * scale * torch.einsum("akx,ak->ax", slope, beta[part])
    return 0.5 * float(residual.square().sum(dtype=torch.float64)), gradient


def fourier(problem: Problem, xyz: Tensor, scale: float, offset: float) -> tuple[float, Tensor]:
    """Structure factors of all atoms at all voxels of Fourier space."""
    grid, atoms = problem.grid, problem.atoms
    frequencies = [torch.fft.fftfreq(n, s) for n, s in zip(grid.shape, grid.spacing, strict=True)]
    k = torch.cartesian_prod(*frequencies)
    observed = torch.fft.fftn(problem.target - offset).flatten() * grid.voxel_volume
    from_corner = xyz - torch.tensor(grid.origin)
    # atoms of one element and B-factor share a form factor: a table spares most exponentials
    kinds, kind = torch.unique(
        torch.cat([atoms.amplitude, atoms.width + atoms.b_factor[:, None]], 1), dim=0, return_inverse=True
    )
    amplitude, width = kinds.split(atoms.amplitude.shape[1], 1)
    total, gradient = 0.0, torch.zeros_like(xyz)
    for waves, values in zip(k.split(VOXELS_AT_ONCE), observed.split(VOXELS_AT_ONCE), strict=True):
        square = waves.square().sum(1)
        table = (amplitude * torch.exp(-width * square[:, None, None] / 4)).sum(-1)
        form = table.index_select(1, kind).mul_(scale * atoms.occupancy)
        phase = (2 * math.pi * waves) @ from_corner.T
        cosine, sine = torch.cos(phase).mul_(form), torch.sin(phase).mul_(form)
        real, imaginary = cosine.sum(1) - values.real, -sine.sum(1) - values.imag
        total += 0.5 * float((real.square() + imaginary.square()).sum())
        slope = sine.mul_(-real[:, None]).sub_(cosine.mul_(imaginary[:, None]))
        gradient += slope.T @ (2 * math.pi * waves)
    parseval = 1 / (grid.n_voxels * grid.voxel_volume**2)
    return total * parseval, gradient * parseval


def measure_speed(n_atoms: int, n_voxels: int) -> list[dict[str, object]]:
    """One row per method."""
    problem = make_problem(n_atoms, n_voxels)
    fast = local(problem, 10)
    answers = {"local": fast}
    for name, sums in (("separable", separable), ("whole grid", whole_grid), ("fourier", fourier)):
        answers[name] = by_sum(problem, sums)
        print(f"{name}: {answers[name].seconds:.2f} s", flush=True)
    rows: list[dict[str, object]] = []
    for name, answer in answers.items():
        away = float((fast.gradient - answer.gradient).norm() / answer.gradient.norm())
        rows.append(
            {
                "method": name,
                "atoms": problem.atoms.n_atoms,
                "voxels_per_side": n_voxels,
                "seconds": f"{answer.seconds:.4g}",
                "times_slower": f"{answer.seconds / fast.seconds:.1f}",
                "value_difference": f"{abs(fast.value / answer.value - 1):.2e}",
                "gradient_difference": f"{away:.2e}",
            }
        )
    return rows


def measure_scaling() -> list[dict[str, object]]:
    """Seconds of the local method for growing proteins, in boxes that grow with them."""
    rows: list[dict[str, object]] = []
    for n_atoms in SIZES:
        problem = make_problem(n_atoms, None)
        answer = local(problem, 7)
        atoms = problem.atoms.n_atoms
        rows.append(
            {
                "atoms": atoms,
                "voxels_per_side": problem.grid.shape[0],
                "seconds": f"{answer.seconds:.4g}",
                "microseconds_per_atom": f"{1e6 * answer.seconds / atoms:.2f}",
                "peak_memory_mb": f"{peak_memory_mb():.0f}",
            }
        )
        print(rows[-1], flush=True)
    return rows


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, interpreter and libraries included."""
    if sys.platform == "win32":
        return math.nan
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def compare(other: Path, n_atoms: int, n_voxels: int) -> list[dict[str, object]]:
    """CPU seconds of this state of the project and of another one, by what is measured."""
    here = Path(__file__).resolve().parents[1]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, state in (("this", here), ("other", other.resolve())):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "adp3d").symlink_to(state / "src" / "engine", target_is_directory=True)
        for what, program in MEASURED.items():
            seconds = {"this": math.inf, "other": math.inf}
            for _ in range(REPEATS):
                for name, state in (("this", here), ("other", other.resolve())):
                    path = os.pathsep.join([str(Path(folder) / name), str(state / "benchmarks")])
                    command = [sys.executable, "-c", program, str(n_atoms), str(n_voxels)]
                    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
                    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
                    seconds[name] = min(seconds[name], json.loads(done.stdout.splitlines()[-1]))
            rows.append(
                {
                    "measured": what,
                    "other_seconds": f"{seconds['other']:.4g}",
                    "seconds": f"{seconds['this']:.4g}",
                    "times_faster": f"{seconds['other'] / seconds['this']:.2f}",
                    "share": f"{seconds['this'] / seconds['other']:.2f}",
                }
            )
            print(rows[-1], flush=True)
    return rows


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """Rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def draw(path: Path, speed: list[dict[str, object]], scaling: list[dict[str, object]], exponent: float) -> None:
    """Bars of the seconds per method, and seconds against atoms."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    seconds = [float(str(row["seconds"])) for row in speed]
    bars = left.barh([str(row["method"]) for row in speed], seconds, color=["C2", "C7", "C7", "C7"])
    left.bar_label(
        bars,
        [f" {s:.2g} s ({float(str(row['times_slower'])):.0f} x)" for s, row in zip(seconds, speed, strict=True)],
    )
    left.set(xscale="log", xlim=(min(seconds) / 3, max(seconds) * 30), xlabel="seconds, value and gradient")
    left.set_title(f"{speed[0]['atoms']} atoms, {speed[0]['voxels_per_side']}$^3$ voxels")
    left.invert_yaxis()
    atoms = np.array([float(str(row["atoms"])) for row in scaling])
    times = np.array([float(str(row["seconds"])) for row in scaling])
    right.loglog(atoms, times, "o", color="C2")
    line = np.exp(np.polyval(np.polyfit(np.log(atoms), np.log(times), 1), np.log(atoms)))
    right.loglog(atoms, line, "-", color="C7", label=f"exponent {exponent:.2f}")
    right.set(xlabel="atoms", ylabel="seconds, value and gradient", title="Cost of the local sum")
    right.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Run both measurements and write the tables and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "density")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--atoms", type=int, default=1500)
    parser.add_argument("--voxels", type=int, default=128, help="voxels along each side of the grid")
    parser.add_argument("--against", type=Path, help="folder of another state of the project, to compare with")
    options = parser.parse_args()
    tune_process()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.against is not None:
        write(options.out / "against.csv", compare(options.against, options.atoms, options.voxels))
        return
    scaling = measure_scaling()
    x, y = (np.log([float(str(row[key])) for row in scaling]) for key in ("atoms", "seconds"))
    exponent = float(np.polyfit(x, y, 1)[0])
    speed = measure_speed(options.atoms, options.voxels)
    write(options.out / "scaling.csv", scaling)
    write(options.out / "speed.csv", speed)
    draw(options.out / "density.png", speed, scaling, exponent)
    for row in speed:
        print(row)
    print(f"cost grows as atoms^{exponent:.2f}")


if __name__ == "__main__":
    main()
