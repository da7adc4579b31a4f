"""Models and maps made in the session, and jobs whose results are written by the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

NAMES = dict(zip("MALEKGWHTS", ["MET", "ALA", "LEU", "GLU", "LYS", "GLY", "TRP", "HIS", "THR", "SER"], strict=True))
SEQUENCE = "MALEKMALEKMALEKMALEK"


def helix(n: int) -> np.ndarray:
    """N, CA, C, O and CB (N, 5, 3) of an alpha helix along z, in angstrom."""
    turns = np.deg2rad(100.0 * np.arange(n))
    shape = ((1.55, -27, -0.90), (2.29, 0, 0.0), (1.68, 27.5, 1.12), (2.02, 24, 2.30), (3.30, -17, 0.85))
    xyz = np.zeros((n, 5, 3))
    for j, (radius, angle, shift) in enumerate(shape):
        at = turns + np.deg2rad(angle)
        xyz[:, j] = np.stack([radius * np.cos(at), radius * np.sin(at), 1.5 * np.arange(n) + shift], axis=-1)
    return xyz


def add_protein(structure, chain, missing=(), sequence=SEQUENCE, shift=(0.0, 0.0, 0.0), first=1):
    """Add a helix to a structure; numbers in ``missing`` are left out but stay in the chain's sequence."""
    from chimerax.atomic.struct_edit import add_atom, add_bond

    xyz = helix(len(sequence)) + np.array(shift)
    carbon, last = None, None
    residues = []
    for i, letter in enumerate(sequence):
        number = first + i
        if number in missing:
            residues.append(None)
            continue
        residue = structure.new_residue(NAMES[letter], chain, number)
        residues.append(residue)
        atoms = {}
        for j, name in enumerate(("N", "CA", "C", "O", "CB")):
            if name == "CB" and letter == "G":
                continue
            atoms[name] = add_atom(name, name[0], residue, xyz[i, j].copy(), serial_number=structure.num_atoms + 1)
            atoms[name].bfactor = 20.0 + i
            atoms[name].occupancy = 1.0
        for a, b in (("N", "CA"), ("CA", "C"), ("C", "O"), ("CA", "CB")):
            if b in atoms:
                add_bond(atoms[a], atoms[b])
        if carbon is not None and last == number - 1:
            add_bond(carbon, atoms["N"])
        carbon, last = atoms["C"], number
    return residues


@pytest.fixture
def make_model(session):
    """Function that opens a model: protein chain A with gaps, its full sequence known."""

    def make(missing=(8, 9, 10), chains="A", known=True, waters=0, name="protein", sequence=SEQUENCE, first=1):
        from chimerax.atomic import AtomicStructure
        from chimerax.atomic.struct_edit import add_atom

        structure = AtomicStructure(session, name=name, auto_style=False)
        members = {}
        for i, chain in enumerate(chains):
            members[chain] = add_protein(structure, chain, missing, sequence, (30.0 * i, 0.0, 0.0), first)
        for i in range(waters):
            water = structure.new_residue("HOH", chains[0], 301 + i)
            add_atom("O", "O", water, np.array([10.0 + i, 11.0, 12.0]), serial_number=9000 + i, occupancy=1.0)
        session.models.add([structure])
        for chain in structure.chains:
            if known and chain.chain_id in members:
                # ChimeraX makes one chain of parts with a gap only if it knows of the gap
                chain.bulk_set(members[chain.chain_id], sequence)
                chain.from_seqres = True
        return structure

    return make


@pytest.fixture
def select(session):
    """Function that selects those atoms of a model for which something is true."""

    def choose(model, wanted):
        from chimerax.atomic import check_for_changes

        check_for_changes(session)  # ChimeraX looks at the selection again where atoms that it knows have changed
        for atom in model.atoms:
            atom.selected = bool(wanted(atom))

    return choose


@pytest.fixture
def make_map(session):
    """Function that opens a map of random values."""

    def make(size=(24, 22, 20), origin=(-12.0, -11.0, -5.0), step=(1.0, 1.0, 1.0), array=None, **kw):
        from chimerax.map import volume_from_grid_data
        from chimerax.map_data import ArrayGridData

        if array is None:
            array = np.random.default_rng(1).normal(size=size[::-1]).astype(np.float32)
        grid = ArrayGridData(array, origin, step, name="density", **kw)
        return volume_from_grid_data(grid, session, show_dialog=False)

    return make


class FakeJob:
    """What accepting asks of a finished job; the files are real."""

    def __init__(self, number, prepared):
        self.id = number
        self.kind = prepared.kind
        self.prepared = prepared
        self.folder = Path(prepared.folder)
        self.model = prepared.model
        self.map = prepared.map
        self.title = prepared.title
        self.state = "finished"
        self.paths = {}

    @property
    def result(self):
        path = self.folder / "result.cif"
        return path if path.is_file() else None


@pytest.fixture
def make_job(session, tmp_path):
    """Function that hands a model over and writes a result by hand: missing residues added, others moved."""

    def make(model, volume=None, shift=0.3, fill=True, number=1, chains=None, stated=88.0):
        import shutil

        from chimerax.adp3d.engine.contract import specification
        from chimerax.adp3d.handover import frames, prepare
        from chimerax.adp3d.handover.atoms import AtomRow, ModelAtoms, ResidueRow, read_cif_atoms
        from chimerax.adp3d.handover.model_export import write_cif
        from chimerax.adp3d.handover.part import ModelPart
        from chimerax.adp3d.handover.record import Handover

        kind = specification.CompleteSpec if volume is None else specification.RefineSpec
        given = {"chains": chains} | ({} if volume is None else {"map": volume, "resolution": 3.0})
        folder = tmp_path / f"job{number}"
        prepared, _ = prepare.prepare_model_job(session, kind, ModelPart(model), given, str, folder=str(folder))
        handover = Handover.of(prepared.extra)
        inputs = folder / "inputs"
        inputs.mkdir(parents=True)
        shutil.copy(prepared.spec["model"], inputs / "model.cif")
        given = read_cif_atoms(inputs / "model.cif")
        names = {c: handover.chain_names.get(c, c) for c in (chains or {r.chain_id for r in model.residues})}
        working = set(names.values())
        xyz, residues = [], []

        def keep(row, moved):
            atoms = []
            for atom in row.atoms:
                value = 77.0 if moved else atom.bfactor
                atoms.append(AtomRow(atom.name, atom.element, atom.altloc, len(xyz), atom.occupancy, value))
                xyz.append(given.xyz[atom.index] + (shift if moved else 0.0))
            kind = "water" if row.name == "HOH" else "protein"
            residues.append(ResidueRow(row.address, row.name, kind, tuple(atoms)))

        for chain in dict.fromkeys(r.address[0] for r in given.residues):
            rows = [r for r in given.residues if r.address[0] == chain]
            proteins = [r for r in rows if r.name != "HOH"]
            place = {r.address[1]: r for r in proteins}
            # the same helix for the missing residues, wherever the frame of the job is
            offset = proteins[0].address[1] - 1 if proteins else 0
            everything = sorted({*place, *(range(1, 21) if fill and chain in working else ())})
            own = helix(20)[:, :4]
            shown = [r for r in proteins if r.address[1] - offset <= 20]
            anchor = np.array([given.xyz[r.atoms[1].index] for r in shown])
            target = own[[r.address[1] - 1 for r in shown], 1]
            for value in everything:
                if value in place:
                    keep(place[value], chain in working)
                    continue
                atoms = []
                positions = _onto(own[value - 1], target, anchor) + shift
                for name, position in zip(("N", "CA", "C", "O"), positions, strict=True):
                    atoms.append(AtomRow(name, name[0], "", len(xyz), 1.0, 55.0))
                    xyz.append(position)
                residues.append(ResidueRow((chain, value, ""), NAMES[SEQUENCE[value - 1]], "protein", tuple(atoms)))
            for row in rows:
                if row.name == "HOH":
                    keep(row, False)
        result = ModelAtoms(tuple(residues), np.array(xyz))
        write_cif(result, folder / "result.cif", {}, "result")
        if stated is not None:
            _state(folder / "result.cif", working, stated)
        assert frames is not None
        return FakeJob(number, prepared)

    return make


def _state(path, chains, confidence):
    """Add one confidence for all residues of chains to a file, as the engine's results have it."""
    lines, stated = [], {}
    for line in path.read_text().splitlines():
        fields = line.split()
        if line.startswith("ATOM") and fields[-3] in chains:
            fields[8] = fields[-5]
            stated[fields[6], fields[8]] = confidence
            line = " ".join(fields)
        lines.append(line)
    names = ("label_asym_id", "label_seq_id", "metric_value")
    lines += ["loop_", *(f"_ma_qa_metric_local.{name}" for name in names)]
    lines += [f"{asym} {number} {value:.2f}" for (asym, number), value in stated.items()]
    path.write_text("\n".join([*lines, "#", ""]))


def _onto(points, source, target):
    """Points moved as ``source`` is moved onto ``target``."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    rotation = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return (points - source.mean(0)) @ rotation + target.mean(0)
