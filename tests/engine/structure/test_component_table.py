"""Every modified amino acid that gemmi knows comes through a job: matched, named and with its atoms as before."""

from __future__ import annotations

import itertools
import string

import gemmi
import numpy as np
import pytest

from adp3d.placing.target import build_target
from adp3d.placing.write import result_structure
from adp3d.structure.read import read_structure
from adp3d.structure.sequences import NamedSequence


def tabulated():
    """Names of all amino acids of gemmi's table but the 20 and those without a type (UNK, ASX, GLX)."""
    symbols = string.ascii_uppercase + string.digits
    codes = ("".join(code) for n in (1, 2, 3) for code in itertools.product(symbols, repeat=n))
    found = (gemmi.find_tabulated_residue(code) for code in codes)
    return [info for info in found if info.is_amino_acid() and not info.is_standard()]


TABLE = tabulated()
LENGTH = 24


def test_the_table_is_what_was_looked_at():
    names = {info.name for info in TABLE}
    assert len(TABLE) > 90
    assert {"MSE", "SEP", "TPO", "PTR", "CSO", "HYP", "MLY", "PCA", "DAL", "DPN", "CRO", "KCX", "IAS", "FME"} <= names


@pytest.mark.parametrize(("form", "place"), [("pdb", 0), ("pdb", LENGTH - 1), ("cif", 12)])
def test_modified_residues_come_through(make, tmp_path, form, place):
    lost = []
    for info in TABLE:
        letter = info.one_letter_code.upper().strip() or "L"  # the table does not say what some come from
        sequence = make.SEQUENCE[:place] + letter + make.SEQUENCE[place + 1 : LENGTH]
        structure = make.build([make.Part("A", sequence, names={place: info.name})])
        residue = structure[0]["A"][place]
        residue.het_flag = "H"
        residue.add_atom(make.atom("XX1", np.array(residue["CA"][0].pos.tolist()) + 1.5, element="P"))
        path = tmp_path / f"model.{form}"
        if form == "pdb":
            path.write_text(structure.make_pdb_string())
        else:
            structure.make_mmcif_document().write_file(str(path))
        model = read_structure(path)
        target = build_target(model, [NamedSequence("one", sequence)])
        (chain,) = target.report.chains
        after = result_structure(model, target, target.xyz + 1.0, np.full(LENGTH, 50.0))[0]["A"][place]
        before = model[0]["A"][place]
        kept = [(a.name, a.element.name) for a in after] == [(a.name, a.element.name) for a in before]
        if (len(target.names), after.name, after.het_flag) != (LENGTH, info.name, "H") or not kept or chain.mismatches:
            lost.append(info.name)
    assert lost == []
