"""Which side chains of a model are open, and what is in their way."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import NullEvents
from adp3d.pipeline.packing_task import SideChainJob, packing_task
from adp3d.pipeline.problem import load_problem
from adp3d.rotamers.energy import fixed_atoms


@pytest.fixture
def task_of(small, tmp_path):
    """``task_of(change)``: the task of packing all side chains of the deposited model, changed."""

    def make(change):
        structure = gemmi.read_structure(str(small.deposited))
        change(structure)
        path = tmp_path / "model.cif"
        structure.make_mmcif_document().write_file(str(path))
        problem = load_problem(CompleteSpec(output="o", model=str(path), device="cpu", prior="gaussian"), NullEvents())
        job = SideChainJob("rebuild", np.zeros(problem.target.n_residues, bool), None, 0)
        return problem.target, packing_task(job, problem, problem.target.xyz)

    return make


def beyond(structure, number, tip, before, distance):
    """The place that far from a side chain's last atom, in the direction of the bond to it."""
    residue = structure[0]["A"][str(number)][0]
    end, root = (np.array(residue[name][0].pos.tolist()) for name in (tip, before))
    return end + distance * (end - root) / np.linalg.norm(end - root)


def add(structure, chain, name, element, position):
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.het_flag = name, gemmi.SeqId("1"), "H"
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = element, gemmi.Element(element), gemmi.Position(*position.tolist())
    residue.add_atom(atom)
    own = gemmi.Chain(chain)
    own.add_residue(residue)
    structure[0].add_chain(own)
    structure.setup_entities()


def numbers_with(structure, names):
    return [residue.seqid.num for residue in structure[0]["A"] if residue.name in names]


def closed(target, task):
    """Numbers of residues with torsions that are not open though everything is to be rebuilt."""
    stays = ~task.open & (task.present[:, 5:].any(-1))
    return {target.labels[row][1] for row in torch.nonzero(stays)[:, 0].tolist()}


def test_all_are_open_where_nothing_is_bonded(task_of):
    assert closed(*task_of(lambda structure: None)) == set()


@pytest.mark.parametrize(
    ("element", "distance", "stays"), [("Zn", 2.1, True), ("K", 2.75, True), ("Zn", 3.2, False), ("C", 1.45, True),
                                       ("C", 2.3, False), ("C", 0.7, False)]
)  # fmt: skip
def test_bonds_without_a_record_are_told_by_distance(task_of, small, element, distance, stays):
    structure = gemmi.read_structure(str(small.deposited))
    acid = {"ASP": ("OD1", "CG"), "GLU": ("OE1", "CD")}
    number = numbers_with(structure, acid)[0]
    tip = acid[structure[0]["A"][str(number)][0].name]

    def change(structure):
        name = "LIG" if element == "C" else element.upper()
        add(structure, "L", name, element, beyond(structure, number, *tip, distance))

    assert closed(*task_of(change)) == ({number} if stays else set())


def test_sulphurs_of_protein_are_bonded_by_distance_and_other_atoms_clash(task_of, small):
    structure = gemmi.read_structure(str(small.deposited))
    numbers = numbers_with(structure, {"SER"})[:2]
    assert len(numbers) == 2

    def change(structure, name="CYS", atom="SG", element="S"):
        first, second = (structure[0]["A"][str(number)][0] for number in numbers)
        place = beyond(structure, numbers[0], "OG", "CB", 2.04)
        for residue in (first, second):
            residue.name, residue["OG"][0].name = name, atom
            residue[atom][0].element = gemmi.Element(element)
        second[atom][0].pos = gemmi.Position(*place.tolist())
        structure.entities[0].full_sequence = [residue.name for residue in structure[0]["A"]]

    assert closed(*task_of(change)) == set(numbers)

    def clash(structure):
        second = structure[0]["A"][str(numbers[1])][0]
        second["OG"][0].pos = gemmi.Position(*beyond(structure, numbers[0], "OG", "CB", 1.45).tolist())

    assert closed(*task_of(clash)) == set()


def test_the_second_oxygen_of_a_terminus_does_not_repel_its_own_side_chain(task_of, small):
    def change(structure):
        last = structure[0]["A"][-1]
        oxygen = last["O"][0].clone()
        oxygen.name = "OXT"
        oxygen.pos = gemmi.Position(*(2 * np.array(last["C"][0].pos.tolist()) - oxygen.pos.tolist()).tolist())
        last.add_atom(oxygen)
        add(structure, "L", "LIG", "C", np.array(oxygen.pos.tolist()) + 30.0)

    target, task = task_of(change)
    assert task.obstacle_owners == [target.n_residues - 1, -1]
    fixed, elements = fixed_atoms(task)
    assert fixed.owner[-2:].tolist() == [target.n_residues - 1, -1] and elements[-2:] == ["O", "C"]


def test_whole_side_chains_that_are_to_stay_are_not_changed_and_others_are_completed(small):
    structure = gemmi.read_structure(str(small.deposited))
    chain = structure[0]["A"]
    short = next(row for row, residue in enumerate(chain) if residue.name in ("LYS", "ARG"))
    chain[short].remove_atom("CD", "\0", gemmi.Element("C"))
    path = small.folder / "short.cif"
    structure.make_mmcif_document().write_file(str(path))
    problem = load_problem(CompleteSpec(output="o", model=str(path), device="cpu", prior="gaussian"), NullEvents())
    n = problem.target.n_residues
    nothing, half = np.zeros(n, bool), np.arange(n) < n // 2
    usual = packing_task(SideChainJob("auto", nothing, None, 0), problem, problem.target.xyz)
    task = packing_task(SideChainJob("auto", nothing, None, 0, half), problem, problem.target.xyz)
    assert short < n // 2 and torch.equal(task.open, usual.open) and bool(task.open[short])
    assert usual.changeable[half].any() and not task.changeable[half].any()
    assert torch.equal(task.changeable[~half], usual.changeable[~half])
