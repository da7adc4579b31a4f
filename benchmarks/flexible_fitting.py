"""Fit a bent model into its map by molecular dynamics flexible fitting, and by ``adp3d refine``, side by side.

Usage: ``python benchmarks/flexible_fitting.py --map MAP --truth MODEL [--model MODEL ...] [--bend 0.8 2] ...``.
Writes ``flexible_fitting.csv`` row by row, prints it as a table, and leaves models and job folders in ``OUT``.

Both get the same starting model, map and resolution, one after the other on the same cores. Starting models are those
given, and the truth bent by smooth random fields of these sizes (`starting_models.bend`, waves of 20 to 40 A).

The rival is MDFF (Trabuco et al., Structure 16, 673, 2008) in its cascaded form (Singharoy et al., eLife 5, e16105,
2016), with OpenMM (``pip install openmm pdbfixer``, or the extra ``benchmarks``): Amber ff14SB in vacuum (implicit
solvent takes 5 to 20 times as long on one core), the map as an external potential on heavy atoms, weighted by mass,
torsions of helices and strands and peptides held near where they start, Langevin dynamics at 300 K in the map blurred
less and less, cooling, and minimisation.
"""

from __future__ import annotations

import argparse
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from command import begin, positive, run_command
from numpy.typing import NDArray
from report import Row, Table
from starting_models import bend

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec
from adp3d.density.crop import crop
from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.read import read_map
from adp3d.density.resample import blur, limit_sampling
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.measurement.density import load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.outcome import describe_geometry
from adp3d.pipeline.problem import load_problem
from adp3d.structure.read import read_structure

BLURS = (4.0, 2.0, 1.0, 0.0)
"""Half widths, in A, of the Gaussians that blur the map, one after the other: as cascaded MDFF does."""
PULL = 0.3
"""kcal/mol/amu: depth of the map's potential, MDFF's own default."""
HELD = 200.0
"""kcal/mol/rad^2: stiffness of restrained torsions, MDFF's own default."""
FRICTION = 5.0
"""1/ps, as MDFF's."""
CUTOFF = 1.0
"""nm, of all forces between atoms that are not bonded, with a reaction field beyond."""
AROUND = 4.0
"""A around the starting model within which the highest density is taken for the map's top."""
MARGIN = 12.0
"""A of map kept around the model: more than it is bent."""
TEMPERATURE = 300.0
COOLING = (250.0, 200.0, 150.0, 100.0, 50.0, 10.0)
HELIX = ((-100.0, -30.0), (-80.0, -5.0), 4)
STRAND = ((-180.0, -60.0), (80.0, 180.0), 3)
"""Ranges of phi and psi in degrees, and residues in a row from which they count."""
KCAL = 4.184
PICOSECONDS = 0.002


@dataclass(frozen=True)
class Case:
    """A starting model, and what is to be found."""

    name: str
    model: Path
    map: Path
    truth: Path
    resolution: float


def main() -> None:
    """Run both on all starting models."""
    options = _options()
    begin(options)
    table = Table(options.out / "flexible_fitting.csv")
    for case in _cases(options):
        table.add({"case": case.name, "method": "start", **_measured(case, case.model), "seconds": 0.0})
        for name, fit in {"openmm": _run_openmm, "adp3d": _run_adp3d}.items():
            if name in options.methods:
                begun = time.monotonic()
                found = fit(case, options)
                table.add(
                    {"case": case.name, "method": name, **_measured(case, found), "seconds": time.monotonic() - begun}
                )
        print("\n".join(_lines(table.rows)), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--map", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True, help="model to compare with")
    parser.add_argument("--resolution", type=float, required=True, help="of the map in angstrom")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="starting models")
    parser.add_argument("--bend", type=float, nargs="*", default=[], help="sizes in A of fields that bend the truth")
    parser.add_argument("--methods", nargs="*", choices=("openmm", "adp3d"), default=["openmm", "adp3d"])
    parser.add_argument("--picoseconds", type=float, default=3.0, help="of dynamics in each of the maps")
    parser.add_argument("--replicas", type=positive, default=2)
    parser.add_argument("--steps", type=positive, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "flexible_fitting")
    return parser.parse_args()


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    for model in options.model:
        yield Case(model.name.split(".")[0], model, options.map, options.truth, options.resolution)
    for size in options.bend:
        path = options.out / f"bent_{size:g}.cif"
        structure = read_structure(options.truth)
        bend(structure, size, options.seed)
        structure.make_mmcif_document().write_file(str(path))
        yield Case(f"bent by {size:g} A", path, options.map, options.truth, options.resolution)


def _measured(case: Case, model: Path) -> Row:
    """The figures of a model, all by the same means."""
    spec = RefineSpec(
        output="unused", model=str(model), map=str(case.map), resolution=case.resolution, reference=str(case.truth),
        device="cpu", prior="gaussian",
    )  # fmt: skip
    problem = load_problem(spec, NullEvents())
    assert problem.reference is not None
    density = load_density(MapFiles(spec.map, None, spec.resolution), problem.scene(NullEvents()))
    ca = problem.target.xyz[:, 1]
    errors = np.linalg.norm(ca - problem.reference, axis=1)
    errors = errors[np.isfinite(errors)]
    geometry = describe_geometry(problem.target.xyz, problem.polymer)
    return {
        "ca_rmsd": float(np.sqrt(np.square(errors).mean())),
        "ca_median": float(np.median(errors)),
        "correlation": float(density.start_correlation(problem.scene(NullEvents()).start()[None])),
        "ramachandran_favoured": geometry["ramachandran_favoured_percent"],
        "ramachandran_outliers": geometry["ramachandran_outliers_percent"],
        "bond_rmsz": geometry["bond_rmsz"],
    }


def _run_adp3d(case: Case, options: argparse.Namespace) -> Path:
    spec = RefineSpec(
        output=str(options.out / f"adp3d {case.name}"), model=str(case.model), map=str(case.map),
        resolution=case.resolution, replicas=options.replicas, steps=options.steps, seed=options.seed, device="cpu",
    )  # fmt: skip
    job = JobFolder.create(spec, overwrite=True)
    execute(job, NullEvents(), Control())
    return job.result


def _run_openmm(case: Case, options: argparse.Namespace) -> Path:
    density = limit_sampling(read_map(case.map), case.resolution)
    return flexible_fit(case.model, density, options.out / f"openmm {case.name}.cif", options)


def flexible_fit(model: Path, density: DensityMap, output: Path, options: argparse.Namespace) -> Path:
    """Fit a model into a map by dynamics, and write its heavy atoms.

    Parameters
    ----------
    model : Path
        Protein; ligands are left out.
    density : DensityMap
    output : Path
        mmCIF.
    options : Namespace
        ``picoseconds``, ``threads``, ``seed``.
    """
    openmm, app = _openmm()
    fragments, names = _fragments(read_structure(model))
    topology, positions = _with_hydrogens(fragments, output.with_suffix(".pdb"))
    forces = app.ForceField("amber14/protein.ff14SB.xml")
    reach = CUTOFF * openmm.unit.nanometer
    system = forces.createSystem(
        topology, nonbondedMethod=app.CutoffNonPeriodic, nonbondedCutoff=reach, constraints=app.HBonds
    )
    xyz = np.array(positions.value_in_unit(openmm.unit.angstrom))
    heavy = np.array([atom.element.symbol != "H" for atom in topology.atoms()])
    system.addForce(_held_torsions(openmm, topology, xyz))
    region = crop(density, xyz, MARGIN)
    pull = _map_force(openmm, topology, heavy, region)
    system.addForce(pull)
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, PICOSECONDS)
    integrator.setRandomNumberSeed(options.seed + 1)
    platform = openmm.Platform.getPlatformByName("CPU")
    simulation = app.Simulation(topology, system, integrator, platform, {"Threads": str(options.threads)})
    simulation.context.setPositions(positions)
    for number, width in enumerate(BLURS):
        table = pull.getTabulatedFunction(0)
        values = _map_potential(region, width, near(region, xyz[heavy], AROUND))
        table.setFunctionParameters(*_table(openmm, values).getFunctionParameters())
        simulation.context.reinitialize(preserveState=True)
        simulation.minimizeEnergy(maxIterations=200)
        if number == 0:
            simulation.context.setVelocitiesToTemperature(TEMPERATURE, options.seed + 1)
        simulation.step(round(options.picoseconds / PICOSECONDS))
    for temperature in COOLING:
        integrator.setTemperature(temperature)
        simulation.step(round(options.picoseconds / PICOSECONDS / len(COOLING)))
    simulation.minimizeEnergy(maxIterations=500)
    found = simulation.context.getState(getPositions=True).getPositions()
    written = output.with_suffix(".pdb")
    with written.open("w", encoding="utf-8") as file:
        app.PDBFile.writeFile(topology, found, file, keepIds=True)
    _join(written, names, output)
    return output


def _openmm() -> tuple[Any, Any]:
    try:
        import openmm
        import openmm.app
        import openmm.unit
    except ImportError:
        raise InputError(
            "This benchmark needs OpenMM; install it with 'pip install openmm pdbfixer', or leave out 'openmm' of "
            "--methods."
        ) from None
    return openmm, openmm.app


def _fragments(structure: gemmi.Structure) -> tuple[gemmi.Structure, dict[str, str]]:
    """Protein of the first model, each unbroken stretch as a chain of its own, and the names of their chains."""
    pool = string.ascii_uppercase + string.ascii_lowercase + string.digits
    result, model, names = gemmi.Structure(), gemmi.Model(1), {}
    structure.remove_hydrogens()
    structure.remove_alternative_conformations()
    for chain in structure[0]:
        fragment = None
        last = None
        for residue in chain.get_polymer():
            nitrogen = residue.find_atom("N", "*")
            if not gemmi.find_tabulated_residue(residue.name).is_amino_acid() or nitrogen is None:
                last = None
                continue
            if last is None or last.pos.dist(nitrogen.pos) > 3.0:
                if len(names) == len(pool):
                    raise InputError(f"The model has more than {len(pool)} unbroken stretches.")
                fragment = model.add_chain(gemmi.Chain(pool[len(names)]))
                names[fragment.name] = chain.name
            fragment.add_residue(residue)
            last = residue.find_atom("C", "*")
    result.add_model(model)
    result.setup_entities()
    return result, names


def _with_hydrogens(structure: gemmi.Structure, scratch: Path) -> tuple[Any, Any]:
    """Topology and positions with all atoms of the force field."""
    from pdbfixer import PDBFixer

    structure.write_pdb(str(scratch))
    fixer = PDBFixer(filename=str(scratch))
    fixer.missingResidues = {}
    fixer.findNonstandardResidues()
    fixer.replaceNonstandardResidues()
    fixer.findMissingAtoms()
    fixer.addMissingAtoms(seed=1)
    fixer.addMissingHydrogens(7.0)
    return fixer.topology, fixer.positions


def _map_force(openmm: Any, topology: Any, heavy: NDArray[np.bool_], density: DensityMap) -> Any:
    """External potential: for each heavy atom its mass times a function of its position, which is set later."""
    inverse = np.linalg.inv(density.axes)
    shift, slopes = -density.origin @ inverse, 10 * inverse.T  # of indices by nanometres
    places = (
        f"{name}={first:.9g}+({x:.9g})*x1+({y:.9g})*y1+({z:.9g})*z1"
        for name, first, (x, y, z) in zip("ijk", shift, slopes, strict=True)
    )
    # an external force takes no table, a bond of one atom does
    force = openmm.CustomCompoundBondForce(1, "; ".join(["mass*density(i,j,k)", *places]))
    force.addPerBondParameter("mass")
    force.addTabulatedFunction("density", _table(openmm, np.zeros(density.shape)))
    for atom, chosen in zip(topology.atoms(), heavy, strict=True):
        if chosen:
            force.addBond([atom.index], [atom.element.mass._value])
    return force


def _table(openmm: Any, values: NDArray[np.floating]) -> Any:
    ends = [value for n in values.shape for value in (0, n - 1)]
    return openmm.Continuous3DFunction(*values.shape, values.astype(np.float64).ravel(order="F"), *ends)


def _map_potential(density: DensityMap, width: float, around: NDArray[np.bool_]) -> NDArray[np.float64]:
    """MDFF's potential, but for a constant, of a map blurred by a Gaussian of this half width (A); kJ/mol/amu."""
    values = (blur(density, 8 * np.pi**2 * width**2) if width else density).values.astype(np.float64)
    floor, top = np.median(values), np.quantile(values[around], 0.999)  # a metal is no measure for a protein
    return np.asarray(-PULL * KCAL * np.clip((values - floor) / (top - floor), 0.0, 1.0))


def _held_torsions(openmm: Any, topology: Any, xyz: NDArray[np.float64]) -> Any:
    """Harmonic restraints of phi and psi in helices and strands, and of all peptides, near where they are."""
    force = openmm.CustomTorsionForce("0.5*stiffness*min(d, 2*pi-d)^2; d=abs(theta-theta0); pi=3.141592653589793")
    force.addGlobalParameter("stiffness", HELD * KCAL)
    force.addPerTorsionParameter("theta0")
    for chain in topology.chains():
        rows = [{atom.name: atom.index for atom in residue.atoms()} for residue in chain.residues()]
        linked = list(pairwise(rows))
        phi = [None, *([a["C"], b["N"], b["CA"], b["C"]] for a, b in linked)]
        psi = [*([a["N"], a["CA"], a["C"], b["N"]] for a, b in linked), None]
        for quartet in ([a["CA"], a["C"], b["N"], b["CA"]] for a, b in linked):
            _hold(force, quartet, 180.0 * (abs(_torsion(xyz, quartet)) > 90.0))
        for row in _regular(xyz, phi, psi):
            for quartet in (phi[row], psi[row]):
                _hold(force, quartet, _torsion(xyz, quartet))
    return force


def _hold(force: Any, quartet: list[int], degrees: float) -> None:
    force.addTorsion(*quartet, [float(np.radians(degrees))])


def _regular(xyz: NDArray[np.float64], phi: list[list[int] | None], psi: list[list[int] | None]) -> Iterator[int]:
    """Residues of helices and strands, by runs of their torsions."""
    for (low, high), (bottom, top), least in (HELIX, STRAND):
        run: list[int] = []
        for row, (one, two) in enumerate(zip([*phi, None], [*psi, None], strict=True)):
            if one and two and low <= _torsion(xyz, one) <= high and bottom <= _torsion(xyz, two) <= top:
                run.append(row)
                continue
            if len(run) >= least:
                yield from run
            run = []


def _torsion(xyz: NDArray[np.float64], quartet: list[int]) -> float:
    """Degrees, -180 to 180."""
    return float(np.degrees(gemmi.calculate_dihedral(*(gemmi.Position(*xyz[i]) for i in quartet))))


def _join(written: Path, names: dict[str, str], output: Path) -> None:
    """Give the stretches the names of their chains again, and leave out the hydrogens."""
    structure = gemmi.read_structure(str(written))
    structure.remove_hydrogens()
    for fragment in structure[0]:
        fragment.name = names[fragment.name]
    structure.merge_chain_parts()
    structure.setup_entities()
    structure.assign_label_seq_id(True)
    structure.make_mmcif_document().write_file(str(output))


def _lines(rows: list[Row]) -> Iterator[str]:
    columns = list(rows[0])
    cells = [columns, *([f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))


if __name__ == "__main__":
    run_command(main)
