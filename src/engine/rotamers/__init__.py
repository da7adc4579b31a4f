"""Side chains placed in density: rotamers of all residues chosen together, and the register that fits them."""
