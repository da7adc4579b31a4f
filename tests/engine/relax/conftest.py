"""A scene ready for OpenMM."""

from __future__ import annotations

import pytest
from relax_models import everything

from adp3d.relax.region import plan_region
from adp3d.relax.relaxation import _places
from adp3d.relax.scene import dress
from adp3d.validation.atoms import heavy_atoms


@pytest.fixture
def openmm():
    """OpenMM with its layer for applications."""
    pytest.importorskip("openmm", reason="the package openmm is not installed (pip install '.[relax]')")
    from adp3d.relax.toolkit import load_openmm

    return load_openmm()


@pytest.fixture
def scene_of():
    """``scene_of(structure, wanted=None)``: the scene in which residues (all by default) are to move."""

    def make(structure, wanted=None):
        atoms = heavy_atoms(structure)
        places, single = _places(structure, atoms)
        return dress(plan_region(atoms, (everything(structure) if wanted is None else wanted)[places], single))

    return make
