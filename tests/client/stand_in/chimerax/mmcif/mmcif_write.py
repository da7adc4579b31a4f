"""mmcif/src/mmcif_write.pyx: atoms of models in the frame of one of them."""

from __future__ import annotations

_COLUMNS = (
    *("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id"),
    *("label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy"),
    *("B_iso_or_equiv", "auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
)


def write_mmcif(session, path, *, models=None, rel_model=None, **kw):
    (model,) = models
    if model is not rel_model:
        raise NotImplementedError("only models relative to themselves")
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        stream.write("#\\#CIF_1.1\ndata_model\n#\nloop_\n" + "".join(f"_atom_site.{name}\n" for name in _COLUMNS))
        for serial, atom in enumerate(model.atoms, 1):
            residue = atom.residue
            x, y, z = atom.coord
            chain, code = residue.chain_id, residue.insertion_code or "?"
            stream.write(
                f"ATOM {serial} {atom.element_name} {atom.name} . {residue.name} {chain} 1 . {code} {x:.3f} {y:.3f} "
                f"{z:.3f} {atom.occupancy:.2f} {atom.bfactor:.2f} {residue.number} {chain} 1\n"
            )
        stream.write("#\n")
