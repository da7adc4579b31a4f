"""Make the bundled example from the cut-out of EMD-20026 and its fitted model.

Usage: ``python benchmarks/make_demo.py FOLDER``, where FOLDER holds ``map.mrc`` (one protomer cut out of
EMD-20026) and ``deposited.pdb`` (PDB 3ajo, chain A, fitted and refined into that map). Writes three
files to ``src/engine/pipeline/demo``; running it twice gives identical files.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import gemmi
import numpy as np

from adp3d.density.crop import crop
from adp3d.density.read import read_map
from adp3d.density.write import write_map

DEMO = Path(__file__).parent.parent / "src" / "engine" / "pipeline" / "demo"
MARGIN = 4.0

# First and last residue of every segment taken out, by the numbering of the deposited model.
REMOVED = ((11, 18), (39, 48), (67, 72), (76, 88), (105, 111), (121, 128), (155, 163))


def protein_only(path: Path) -> gemmi.Structure:
    """Read the first polymer of the first model, without waters and ions, with its sequence on record."""
    source = gemmi.read_structure(str(path))
    source.setup_entities()
    chain = gemmi.Chain(source[0][0].name)
    for residue in source[0][0].get_polymer():
        chain.add_residue(residue)
    structure = gemmi.Structure()
    structure.name = "EMD-20026-protomer"
    structure.info["_struct.title"] = "Apoferritin protomer, PDB 3ajo fitted into EMD-20026"
    structure.info["_exptl.method"] = "ELECTRON MICROSCOPY"
    structure.spacegroup_hm = "P 1"
    model = gemmi.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.entities[0].full_sequence = [residue.name for residue in chain]
    structure.assign_label_seq_id()
    return structure


def without(structure: gemmi.Structure, segments: tuple[tuple[int, int], ...]) -> gemmi.Structure:
    """Copy all but the residues of the segments; the record of the sequence stays whole."""
    result = structure.clone()
    chain = result[0][0]
    for i in reversed(range(len(chain))):
        if any(first <= chain[i].seqid.num <= last for first, last in segments):
            del chain[i]
    return result


def write_cif(structure: gemmi.Structure, path: Path) -> None:
    text = structure.make_mmcif_document().as_string()
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder with map.mrc and deposited.pdb")
    parser.add_argument("--output", type=Path, default=DEMO, help="where the three files go")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    whole = protein_only(options.folder / "deposited.pdb")
    part = without(whole, REMOVED)
    atoms = np.array([atom.pos.tolist() for residue in whole[0][0] for atom in residue])
    box = crop(read_map(options.folder / "map.mrc"), atoms, MARGIN)
    write_map(box, options.output / "emd_20026_protomer.map.gz", mode=12)
    write_cif(whole, options.output / "emd_20026_deposited.cif.gz")
    write_cif(part, options.output / "emd_20026_incomplete.cif.gz")
    n_whole, n_part = len(whole[0][0]), len(part[0][0])
    print(f"map {box.shape}, voxels of {box.voxel_size.round(4)} A")
    print(f"{n_whole - n_part} of {n_whole} residues removed ({(n_whole - n_part) / n_whole:.1%})")
    for path in sorted(options.output.glob("emd_*")):
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
