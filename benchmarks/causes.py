"""Why known residues got worse in maps of 3 to 4 A, and what each of the mends brings.

Usage: ``python benchmarks/causes.py --data DATA [--resolution 3.5] [--bend 0.8]``. Writes ``causes.csv``.

Backbones of validation chains are bent by a smooth field and refined as in ``bent_models.py``; only then parts of the
recipe are taken away one by one: the bending stage, and with the prior's look at the map everything that came with it.
That is the recipe of the first round: known atoms pull back to where the model has them, and the map pulls by its
likelihood alone. What is left there is changed one by one as well: how firmly known atoms hold, the weight of the map,
its sharpness.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import gemmi
import numpy as np
from bent_models import bent_backbone, write_model
from command import begin, benchmark_parser, run_command
from gaps import write_simulated
from held_out import Protein, validation_proteins
from report import Row, Table, column

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.measurement import density
from adp3d.pipeline import cost, refiner
from adp3d.placing import uncertainty

_BLIND = "builtin-nomap"


@dataclass(frozen=True)
class Variant:
    """A recipe: what is different from today's.

    Attributes
    ----------
    name : str
    prior : str
    weight : float
        Of the map.
    bends : bool
        Whether the model is bent first.
    sigma : float or None
        Standard deviation in angstrom that holds known atoms; None leaves today's.
    b_factor : float or None
        Of the scatterers, in A^2; None leaves the fitted one.
    """

    name: str
    prior: str = "builtin"
    weight: float = 1.0
    bends: bool = True
    sigma: float | None = None
    b_factor: float | None = None


VARIANTS = (
    Variant("as it is"),
    Variant("without bending", bends=False),
    Variant("the prior does not see the map", _BLIND),
    Variant("... known atoms held by 1 A", _BLIND, sigma=1.0),
    Variant("... weight of the map 4", _BLIND, weight=4.0),
    Variant("... weight of the map 1/4", _BLIND, weight=0.25),
    Variant("... B-factor 5", _BLIND, b_factor=5.0),
    Variant("... 1 A and weight 4", _BLIND, sigma=1.0, weight=4.0),
)


@contextmanager
def recipe(variant: Variant) -> Iterator[None]:
    """The program with the parts of a recipe that no setting reaches."""
    levels = {number: way if variant.bends else () for number, way in cost.BENDING_LEVELS.items()}
    sigma = uncertainty.CONSTANT_SIGMA if variant.sigma is None else variant.sigma
    sharpness = density._sharpness if variant.b_factor is None else lambda *_: variant.b_factor
    with (
        patch.object(cost, "BENDING_LEVELS", levels),
        patch.object(refiner, "BENDING_LEVELS", levels),
        patch.object(uncertainty, "CONSTANT_SIGMA", sigma),
        patch.object(density, "_sharpness", sharpness),
    ):
        yield


def run_variant(variant: Variant, protein: Protein, files: dict[str, str], spec: RefineSpec) -> Row:
    """One job and its figures."""
    with recipe(variant):
        metrics = execute(JobFolder.create(spec, overwrite=True), NullEvents(), Control())
    truth = protein.x.numpy()[:, 1]

    def errors(path: str) -> np.ndarray:
        chain = gemmi.read_structure(path)[0][0]
        ca = np.array([residue.sole_atom("CA").pos.tolist() for residue in chain])
        return np.asarray(np.linalg.norm(ca - truth, axis=-1))

    before, after = errors(files["model"]), errors(str(Path(spec.output) / "result.cif"))
    return {
        "protein": protein.name,
        "recipe": variant.name,
        "rmsd_start": float(np.sqrt(np.square(before).mean())),
        "rmsd": float(np.sqrt(np.square(after).mean())),
        "median_error": float(np.median(after)),
        "favoured": metrics["geometry"]["ramachandran_favoured_percent"],
        "b_factor": metrics["b_factor"],
        "correlation": metrics["map_cc_after"],
        "seconds": metrics["seconds"],
    }


def main() -> None:
    """Run the jobs and print the means."""
    parser = benchmark_parser("causes", __doc__, steps=30, replicas=2, proteins=3)
    parser.add_argument("--resolution", type=float, default=3.5)
    parser.add_argument("--bend", type=float, default=0.8, help="angstrom")
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "causes.csv")
    usable = [p for p in validation_proteins(options.data, 30) if p.atoms is not None]
    for number, protein in enumerate(usable[: options.proteins]):
        rng = np.random.default_rng([options.seed, number])
        files = {name: str(options.out / f"{protein.name}.{end}") for name, end in (("model", "cif"), ("map", "mrc"))}
        start = bent_backbone(protein.x.numpy().astype(np.float64), str(options.bend), rng)
        write_model(Path(files["model"]), start, protein.polymer.sequence, np.full(len(start), 30.0))
        write_simulated(Path(files["map"]), protein, options.resolution, rng)
        for variant in VARIANTS:
            spec = RefineSpec(
                output=str(options.out / "job"), resolution=options.resolution, prior=variant.prior,
                density_weight=variant.weight, replicas=options.replicas, steps=options.steps, seed=options.seed,
                trajectory_interval=0, side_chains="none", unseen="build", **files,
            )  # fmt: skip
            row = run_variant(variant, protein, files, spec)
            table.add(row)
            print(
                {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()},
                flush=True,
            )
    for variant in VARIANTS:
        own = [row for row in table.rows if row["recipe"] == variant.name]
        means = {name: round(float(np.mean(column(own, name))), 3) for name in ("rmsd_start", "rmsd", "favoured")}
        print(variant.name, means)


if __name__ == "__main__":
    run_command(main)
