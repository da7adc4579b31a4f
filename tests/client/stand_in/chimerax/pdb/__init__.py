"""pdb/src/pdb.py: atoms of models in the frame of one of them."""

from __future__ import annotations


def save_pdb(session, output, *, models=None, rel_model=None, **kw):
    (model,) = models
    if model is not rel_model:
        raise NotImplementedError("only models relative to themselves")
    with open(output, "w", encoding="utf-8") as stream:
        for serial, atom in enumerate(model.atoms, 1):
            residue = atom.residue
            x, y, z = atom.coord
            stream.write(
                f"ATOM  {serial:5d}  {atom.name:<3s} {residue.name:>3s} {residue.chain_id}{residue.number:4d}"
                f"{residue.insertion_code or ' '}   {x:8.3f}{y:8.3f}{z:8.3f}{atom.occupancy:6.2f}{atom.bfactor:6.2f}"
                f"          {atom.element_name:>2s}\n"
            )
        stream.write("END\n")
