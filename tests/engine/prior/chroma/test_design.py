"""Chroma's own design network, with random weights: sequences, side chains, its files, and jobs and scores with it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from atom14_model import demo_atom14
from saved_networks import saved
from small_structures import Part, build
from torch.nn import functional

from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.contract.specification import CompleteSpec
from adp3d.contract.specs.model import SEQUENCE_MODELS, SIDE_CHAIN_MODELS
from adp3d.contract.specs.score import ScoreSettings
from adp3d.likelihood.design_network import ALPHABET
from adp3d.likelihood.sequence import SequenceLikelihood
from adp3d.measurement.design_networks import DESIGN_NETWORKS
from adp3d.pipeline.side_chain_views import SIDE_CHAIN_NETWORKS, side_chain_views
from adp3d.prior.chroma.design import ChromaDesign, chroma_design
from adp3d.prior.chroma.design import _other_side as other_side
from adp3d.prior.chroma.package import load_package
from adp3d.prior.chroma.weights import BACKBONE, DESIGN, keep_weights, load_network
from adp3d.rotamers.task import PackingTask, measured_torsions
from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.templates import MSE, TEMPLATES, UNKNOWN_TYPE
from adp3d.structure.polymer import AMINO_ACIDS, Polymer

pytestmark = pytest.mark.chroma

SMALL = {
    "dim_nodes": 32,
    "dim_edges": 16,
    "num_neighbors": 8,
    "num_layers": 2,
    "decoder_num_hidden": 16,
    "sidechain_embedding": "mixed_chi_X",
    "noise_schedule": "log_snr",
    "noise_covariance_model": "globular",
}
N = 24


@pytest.fixture(scope="module")
def network(package):
    torch.manual_seed(0)
    return package.design(**SMALL).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    return saved(network, tmp_path_factory.mktemp("weights") / "chroma_design_v1.0.pt")


@pytest.fixture(scope="module")
def protein():
    """The first residues of a crystal structure: atoms, types of ours and of the alphabet, presence."""
    atoms, aatype, present = demo_atom14(torch.float32)
    types = torch.tensor([ALPHABET.index(AMINO_ACIDS[kind]) for kind in aatype[:N].tolist()])
    return atoms[:N], aatype[:N], types, present[:N]


@pytest.fixture
def publisher():
    """Serves what it is given, by path and query, and refuses all else."""
    servers = []

    def serve(opened):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # as the library calls it
                content = opened.get(self.path)
                self.send_response(403 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_):
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


PLACES, CHAINS = torch.arange(N), torch.zeros(N, dtype=torch.int64)
ORDER = torch.randperm(N, generator=torch.Generator().manual_seed(4))


def picked(found, types):
    return found.gather(-1, types.expand(len(found), -1)[..., None])[..., 0]


def test_log_probabilities_are_those_of_the_package(network, protein):
    atoms, _, types, _ = protein
    x = atoms[None, :, :4]
    before = torch.get_rng_state()
    ours = ChromaDesign(network).log_probabilities(x, types, PLACES, CHAINS, ORDER)
    assert torch.equal(torch.get_rng_state(), before), "random numbers of others are left alone"
    theirs = network(
        functional.pad(x, (0, 0, 0, 10)),
        torch.ones(1, N, dtype=torch.int64),
        types[None],
        t=torch.zeros(1),
        permute_idx=torch.argsort(ORDER)[None],
    )["logp_S"]
    torch.testing.assert_close(picked(ours, types), theirs)
    torch.testing.assert_close(ours.exp().sum(-1), torch.ones(1, N))


def test_a_residue_sees_types_that_come_before_it_and_none_that_are_unknown(network, protein):
    atoms, _, types, _ = protein
    design, x = ChromaDesign(network), atoms[None, :, :4]
    first = design.log_probabilities(x, types, PLACES, CHAINS, ORDER)[0]
    row = int((ORDER == 12).nonzero())
    other = types.clone()
    other[row] = (types[row] + 5) % 20
    second = design.log_probabilities(x, other, PLACES, CHAINS, ORDER)[0]
    changed = (first - second).abs().amax(-1) > 1e-6
    assert changed.any() and (ORDER[changed] > 12).all()
    unknown = types.clone()
    unknown[row] = ALPHABET.index("X")
    assert torch.isfinite(design.log_probabilities(x, unknown, PLACES, CHAINS, ORDER)).all()
    # as if it came last, whatever it is
    last = torch.argsort(torch.argsort(ORDER + N * (row == PLACES)))
    told = design.log_probabilities(x, unknown, PLACES, CHAINS, ORDER)[0]
    torch.testing.assert_close(told, design.log_probabilities(x, other, PLACES, CHAINS, last)[0], atol=1e-5, rtol=0)


def test_the_likelihood_and_its_gradient(network):
    sequence = "MKVLXAGITRSDWEFHNPQY"
    polymer = Polymer(sequence, np.repeat([0, 1], 10), np.array([*range(10), *range(4), *range(9, 15)]), ("A", "B"))
    likelihood = SequenceLikelihood.of_polymer(ChromaDesign(network), polymer, "cpu", orders=2)
    atoms, _, _ = demo_atom14(torch.float32)
    x = atoms[None, :20, :4]
    parts = likelihood.per_residue(x)
    assert parts[0, 4] == 0.0 and (parts[0, :4] < 0).all()
    value, gradient = likelihood.value_and_gradient(x)
    torch.testing.assert_close(value, parts.sum(-1))
    turned = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    turned = turned * torch.linalg.det(turned)
    torch.testing.assert_close(likelihood(x @ turned.T + 5.0), value, atol=2e-2, rtol=0)
    way = 0.1 * gradient / gradient.norm()  # single precision hides what smaller steps change
    assert likelihood(x + way) > value + 0.01 and likelihood(x - way) < value - 0.01


def test_the_gradient_is_that_of_the_packages_own_likelihood(network, protein):
    atoms, _, types, _ = protein
    likelihood = SequenceLikelihood(ChromaDesign(network), types, PLACES, CHAINS, ORDER[None])
    _, gradient = likelihood.value_and_gradient(atoms[None, :, :4])
    x = atoms[None, :, :4].clone().requires_grad_(True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = network(
            functional.pad(x, (0, 0, 0, 10)), torch.ones(1, N, dtype=torch.int64), types[None], t=torch.zeros(1),
            permute_idx=torch.argsort(ORDER)[None],
        )["logp_S"]  # fmt: skip
    torch.testing.assert_close(gradient, torch.autograd.grad(theirs.sum(), x)[0], atol=1e-5, rtol=1e-3)


def test_breaks_of_a_chain_are_ends(network, protein):
    atoms, _, types, _ = protein
    design, x = ChromaDesign(network), atoms[None, :, :4]
    broken = torch.where(PLACES < 10, PLACES, PLACES + 7)
    two = design.log_probabilities(x, types, PLACES, (PLACES >= 10).long(), ORDER)
    torch.testing.assert_close(design.log_probabilities(x, types, broken, CHAINS, ORDER), two)
    assert (design.log_probabilities(x, types, PLACES, CHAINS, ORDER) - two).abs().max() > 1e-3


def test_torsions_mean_the_same_to_both(network, package):
    """Side chains of all types that the package builds from torsions are those that we build from them, and back."""
    constants = package.design.__init__.__globals__["constants"]
    atoms, aatype, present = demo_atom14(torch.float32)
    rows = torch.tensor([int((aatype == kind).nonzero()[0]) for kind in range(20)])
    atoms, aatype, present = atoms[rows], aatype[rows], present[rows]
    types = torch.tensor([ALPHABET.index(AMINO_ACIDS[kind]) for kind in aatype.tolist()])
    torsions, has = measured_torsions(atoms, aatype, present)
    ours = build_side_chains(atoms[:, :4], aatype, torsions)
    chain = torch.ones(1, 20, dtype=torch.int64)
    theirs, _ = network.chi_to_X(atoms[None, :, :4], chain, types[None], other_side(torsions, types)[None])
    room = torch.zeros(1, 20, 14, 3)
    for row, kind in enumerate(types.tolist()):
        name = constants.AA20_3[kind]
        names = ("N", "CA", "C", "O", *constants.AA_GEOMETRY[name]["atoms"])
        room[0, row, : len(names)] = atoms[row, [TEMPLATES[name].names.index(atom) for atom in names]]
        for slot, atom in enumerate(names[4:], 4):
            apart = float((theirs[0, row, slot] - ours[row, TEMPLATES[name].names.index(atom)]).norm())
            assert apart < 0.5, f"{name} {atom} is {apart:.2f} A off, more than by ideal lengths and angles"
    measured, there = network.X_to_chi(room, chain, types[None])
    back = other_side(measured[0], types) - torsions
    back = torch.atan2(back.sin(), back.cos())
    assert back[(there[0] > 0) & has].abs().max() < 0.05  # CD1 and CD2 of a ring are not quite half a turn apart
    assert {AMINO_ACIDS[kind] for kind in aatype.tolist()} == set(AMINO_ACIDS)


def test_side_chains_are_drawn_beside_those_that_are_known(network, protein):
    atoms, aatype, types, present = protein
    torsions, has = measured_torsions(atoms, aatype, present)
    torsions = torch.where(has, torsions, torch.zeros_like(torsions))
    known = PLACES % 2 == 0
    design = ChromaDesign(network)
    before = torch.get_rng_state()
    drawn = design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, torsions, known, 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn, design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, torsions, known, 3))
    assert not torch.equal(drawn, design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, torsions, known, 4))
    kept = torch.remainder(drawn - torsions + np.pi, 2 * np.pi) - np.pi
    assert kept[known].abs().max() < 1e-3
    assert (drawn != 0)[has].all() and not drawn[~has & ~known[:, None]].any()
    # a neighbour that is there in another shape is seen
    other = torch.where(known[:, None] & has, torsions + 2.0, torsions)
    seen = design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, other, known, 3)
    assert not torch.equal(seen[~known], drawn[~known])
    # with nothing known, in the order that the package takes, they are its own
    none = torch.zeros(N, dtype=torch.bool)
    free = design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, torsions, none, 5)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(5)
        start, _ = network.chi_to_X(atoms[None, :, :4], torch.ones(1, N).long(), types[None], torsions[None])
        order = network.traversal(start, torch.ones(1, N).long(), priority=torch.ones(1, N))
        packed, _ = network.pack(start, torch.ones(1, N).long(), types[None], permute_idx=order)
    chi, mask = network.X_to_chi(packed, torch.ones(1, N).long(), types[None])
    apart = torch.remainder(other_side(chi[0], types) - free + np.pi, 2 * np.pi) - np.pi
    assert apart[mask[0] > 0].abs().max() < 1e-2


def test_files_that_are_no_weights(package, network, weights, tmp_path, monkeypatch):
    saved(package.design(**SMALL | {"separate_packing": False}), tmp_path / "in_turns.pt")
    saved(package.backbone(dim_nodes=32, dim_edges=16, num_neighbors=8, num_layers=1), tmp_path / "backbone.pt")
    (tmp_path / "text.pt").write_text("weights")
    wrong = {
        "in_turns.pt": "types and side chains in turns",
        "backbone.pt": "does not fit Chroma's design network",
        "text.pt": "holds no weights of Chroma's design network",
        "none.pt": "no weights of Chroma's design network at .* a key of your own",
    }
    for name, words in wrong.items():
        with pytest.raises(InputError, match=words):
            load_network(DESIGN, tmp_path / name)
    loaded = load_network(DESIGN, weights)
    assert not loaded.training and torch.equal(loaded.embed_S.weight, network.embed_S.weight)


def test_networks_that_saved_memory_in_training_have_gradients(package, protein, tmp_path):
    atoms, _, types, _ = protein
    torch.manual_seed(1)
    path = saved(package.design(**SMALL | {"checkpoint_gradients": True}), tmp_path / "frugal.pt")
    likelihood = SequenceLikelihood(ChromaDesign(load_network(DESIGN, path)), types, PLACES, CHAINS, ORDER[None])
    value, gradient = likelihood.value_and_gradient(atoms[None, :, :4])
    assert value < 0 and torch.isfinite(gradient).all() and gradient.any()


def test_whoever_waits_is_asked_at_each_residue(network, protein):
    atoms, aatype, types, present = protein
    torsions, _ = measured_torsions(atoms, aatype, present)
    asked = []

    def ask():
        asked.append(None)
        if len(asked) == 10:
            raise KeyboardInterrupt

    none = torch.zeros(N, dtype=torch.bool)
    design = ChromaDesign(network)
    with pytest.raises(KeyboardInterrupt):
        design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, torsions, none, 0, ask)
    assert len(asked) == 10
    design.draw_torsions(atoms[:, :4], types, PLACES, CHAINS, torsions, none, 0)
    assert len(asked) == 10


def test_selenomethionine_unknown_and_given_side_chains_in_a_look(network, weights, monkeypatch):
    """MSE is methionine to it, residues of unknown type are asked nothing, draws differ, and known ones are shown."""
    monkeypatch.setenv(DESIGN.variable, str(weights))
    atoms, aatype, present = (each[:N].clone() for each in demo_atom14(torch.float32))
    aatype[3], aatype[5] = MSE, UNKNOWN_TYPE
    wanted = torch.arange(N) % 3 == 0
    nothing = torch.zeros(N, dtype=torch.bool)
    task = PackingTask(
        atoms[:, :4], aatype, CHAINS, PLACES, atoms, present & ~(wanted[:, None] & (torch.arange(14) > 3)), wanted,
        nothing, nothing, np.zeros((0, 3)), (),
    )  # fmt: skip
    shown = []
    draw = ChromaDesign.draw_torsions

    def spied(self, x, types, positions, chains, torsions, known, *rest):
        shown.append((types, known))
        return draw(self, x, types, positions, chains, torsions, known, *rest)

    monkeypatch.setattr(ChromaDesign, "draw_torsions", spied)
    ((residues, view),) = side_chain_views("chroma", task, None, 7, lambda: None)
    assert torch.equal(residues, wanted) and torch.isfinite(view.chi).all()
    assert ALPHABET[shown[0][0][3]] == "M" and ALPHABET[shown[0][0][5]] == "X"
    assert torch.equal(shown[0][1], ~wanted)
    torch.testing.assert_close(view.probability.sum(0), torch.ones(N))
    assert not torch.equal(view.chi[0], view.chi[1]) and not view.deviation.any()


def test_either_file_goes_to_its_place(package, weights, tmp_path, monkeypatch, capsys):
    for kind in (BACKBONE, DESIGN):
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    backbone = package.backbone(dim_nodes=32, dim_edges=16, num_neighbors=8, num_layers=1, dropout=0.0,
                                noise_covariance_model="globular")  # fmt: skip
    saved(backbone, tmp_path / "mine.pt")
    with pytest.raises(InputError, match="Two of the files hold weights of the same network"):
        keep_weights([weights, weights])
    assert main(["install", "--prior", "chroma", "--weights", str(weights)]) == 0  # which does without the other one
    assert DESIGN.path.is_file() and not BACKBONE.path.exists()
    assert main(["install", "--prior", "chroma"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "no weights of Chroma's backbone network" in told and "Weights of the design network" in told
    assert (
        main(["install", "--prior", "chroma", "--weights", str(weights), "--weights", str(tmp_path / "mine.pt")]) == 0
    )
    assert BACKBONE.path.read_bytes() == (tmp_path / "mine.pt").read_bytes()
    assert DESIGN.path.read_bytes() == weights.read_bytes()
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["design_networks"]["chroma"] == {"ok": True, "lacking": ""}


def test_weights_are_fetched_with_a_key(package, publisher, weights, tmp_path, monkeypatch, capsys):
    """From a publisher on this computer; what the key does not open is said, and the prior does without."""
    for kind in (BACKBONE, DESIGN):
        monkeypatch.setenv(kind.variable, str(tmp_path / "mine" / kind.file))
    backbone = package.backbone(dim_nodes=32, dim_edges=16, num_neighbors=8, num_layers=1,
                                noise_covariance_model="globular")  # fmt: skip
    there = saved(backbone, tmp_path / "backbone.pt")
    opened = {"/backbone.pt?token=secret": there.read_bytes()}
    monkeypatch.setitem(package.addresses, "GraphBackbone", f"{publisher(opened)}/backbone.pt")
    monkeypatch.setitem(package.addresses, "GraphDesign", f"{publisher(opened)}/design.pt")
    assert main(["install", "--prior", "chroma", "--key", "secret"]) == 0
    told = capsys.readouterr().err
    assert "refused the key (status 403)" in told and "secret" not in told
    assert BACKBONE.path.read_bytes() == there.read_bytes() and not DESIGN.path.exists()
    assert main(["doctor", "--prior", "chroma"]) == 0
    assert "For --sequence-model and --side-chain-model chroma alone:" in capsys.readouterr().out
    opened["/design.pt?token=secret"] = weights.read_bytes()
    assert main(["install", "--prior", "chroma", "--key", "secret"]) == 0
    assert DESIGN.path.read_bytes() == weights.read_bytes()


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv(DESIGN.variable, str(tmp_path / "none.pt"))
    load_package.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"'generate-chroma' is not installed: .* no weights of Chroma's design network"
    ):
        chroma_design(torch.device("cpu"))


def test_a_job_with_both(small, weights, tmp_path, monkeypatch, capsys):
    """The sequence pulls, side chains are Chroma's, and what is missing is said before anything is computed."""
    out = tmp_path / "out"
    words = [str(small.model), "-s", small.sequence, "--replicas", "2", "--steps", "4", "--prior", "gaussian"]
    words += ["--side-chain-model", "chroma", "--sequence-model", "chroma", "--sequence-weight", "0.1", "--no-relax"]
    monkeypatch.setenv(DESIGN.variable, str(tmp_path / "none.pt"))
    assert main(["complete", *words, "-o", str(out)]) == 2
    assert "no weights of Chroma's design network" in " ".join(capsys.readouterr().err.split())
    assert main(["check", *words]) == 2
    assert "no weights of Chroma's design network" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setenv(DESIGN.variable, str(weights))
    drawn, draw = [], ChromaDesign.draw_torsions
    monkeypatch.setattr(ChromaDesign, "draw_torsions", lambda *given: drawn.append(given) or draw(*given))
    assert main(["complete", *words, "-o", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert -6.0 < metrics["measurements"]["sequence"]["log_probability"] < -1.0
    assert metrics["side_chains"]["built"] > 0 and len(drawn) == 6
    told = " ".join((out / "report.html").read_text().split()) if (out / "report.html").is_file() else ""
    assert not told or "design network of Chroma" in told


def test_scores_by_it(network, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(DESIGN.variable, str(weights))
    sequence = "ACDEFGHIKLMNPQRSTVWY"
    structure = build([Part("A", sequence)])
    structure.make_mmcif_document().write_file(str(tmp_path / "one.cif"))
    words = ["score", str(tmp_path / "one.cif"), "--device", "cpu", "--sequence-model", "chroma", "--json"]
    assert main([*words, "--method", "sequence", "--draws", "1"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["models"]
    x = torch.tensor([[list(residue[name][0].pos) for name in ("N", "CA", "C", "O")] for residue in structure[0]["A"]])
    likelihood = SequenceLikelihood.of_polymer(ChromaDesign(network), Polymer.single_chain(sequence), "cpu")
    assert row["energy"] == pytest.approx(-float(likelihood(x[None])[0]), rel=1e-3)
    assert main(words) == 2
    assert "--sequence-weight" in " ".join(capsys.readouterr().err.split())


def test_the_registry_has_what_the_settings_offer():
    assert tuple(DESIGN_NETWORKS) == SEQUENCE_MODELS
    assert tuple(SIDE_CHAIN_NETWORKS) == SIDE_CHAIN_MODELS


def test_choices_of_a_network_that_nothing_asks_are_refused():
    given = {"model": "m.cif", "output": "out"}
    with pytest.raises(InputError, match="not asked for: give 'sequence_weight' as well"):
        CompleteSpec(**given, sequence_model="chroma")
    with pytest.raises(InputError, match="write \"sequence WEIGHT chroma\" for 'measure'"):
        CompleteSpec(**given, sequence_model="chroma", measure=("sequence 0.1",))
    with pytest.raises(InputError, match="'side_chains' none builds none"):
        CompleteSpec(**given, side_chain_model="chroma", side_chains="none")
    with pytest.raises(InputError, match="or the 'method' sequence"):
        ScoreSettings(sequence_model="chroma")
