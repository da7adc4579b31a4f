"""Polymers end where nothing is bonded any more, whatever records the residues stand in."""

from __future__ import annotations

import gemmi
import pytest

from adp3d.structure.observed import observe_chains
from adp3d.structure.read import read_structure


def written(make, tmp_path, het, ter=(), ligand=False, names=None):
    """A helix of 20 residues as PDB text, some in HETATM records, TER after some."""
    structure = make.build([make.Part("A", make.SEQUENCE, 0, 19, skip=(15,), names=names or {})])
    lines = []
    for residue in structure[0]["A"]:
        for atom in residue:
            record = "HETATM" if residue.seqid.num in het else "ATOM  "
            x, y, z = atom.pos.tolist()
            lines.append(
                f"{record}{len(lines) + 1:5}  {atom.name:3} {residue.name} A{residue.seqid.num:4}    "
                f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00           {atom.element.name:1}"
            )
        if residue.seqid.num in ter:
            lines.append("TER")
    if ligand:
        lines.append("HETATM 9001  N   GLU A 301      60.000  60.000  60.000  1.00 20.00           N")
        lines.append("HETATM 9002  CA  GLU A 301      61.000  61.000  60.000  1.00 20.00           C")
        lines.append("HETATM 9003  C   GLU A 301      62.000  61.500  60.000  1.00 20.00           C")
    (tmp_path / "m.pdb").write_text("\n".join([*lines, "END", ""]))
    return read_structure(tmp_path / "m.pdb")


@pytest.mark.parametrize("ter", [(), (20,), (7,), (8,)], ids=["none", "at the end", "before", "after"])
@pytest.mark.parametrize("name", ["SEC", "PYL", "MET", "MSE", "UNK", "DAL", "CSO"])
def test_a_residue_in_hetatm_records_ends_no_chain(make, tmp_path, name, ter):
    structure = written(make, tmp_path, het=(8,), ter=ter, names={7: name})
    (chain,) = observe_chains(structure)
    assert [number for number, _ in chain.numbers] == [n for n in range(1, 21) if n != 16]
    assert len(structure.entities) == 1
    assert structure[0]["A"]["8"][0].het_flag == "H"


def test_a_free_amino_acid_is_a_ligand(make, tmp_path):
    structure = written(make, tmp_path, het=(8,), ligand=True, names={7: "SEC"})
    (chain,) = observe_chains(structure)
    assert len(chain) == 19
    assert structure[0]["A"]["301"][0].entity_type == gemmi.EntityType.NonPolymer
