"""Small-angle scattering: files, Debye's sum, the fit of what is not known, and a job with a curve."""

from __future__ import annotations

import json
import math

import gemmi
import numpy as np
import pytest
import torch
from shared_data import shared_file
from small_structures import helix

from adp3d.cli.app import run
from adp3d.contract.errors import InputError
from adp3d.contract.requests import parse_request
from adp3d.measurement import saxs
from adp3d.measurement.saxs import SaxsLikelihood
from adp3d.measurement.saxs_beads import HYDROGENS, contrast, make_beads
from adp3d.measurement.saxs_curve import ScatteringCurve, read_curve
from adp3d.measurement.saxs_multipoles import amplitudes, harmonics, orders
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.structure.polymer import AMINO_ACIDS

DOUBLE = torch.float64
Q = np.linspace(0.01, 0.3, 40)


def backbones(path, kinds=AMINO_ACIDS):
    """Backbone (N, 4, 3) and types of all residues that have one."""
    structure = gemmi.read_structure(str(path))
    residues = [r for chain in structure[0] for r in chain if all(n in r for n in ("N", "CA", "C", "O"))]
    x = torch.tensor([[r[n][0].pos.tolist() for n in ("N", "CA", "C", "O")] for r in residues])
    return x, np.array([kinds.index(gemmi.find_tabulated_residue(r.name).one_letter_code.upper()) for r in residues])


def likelihood_of(x, aatype, q=Q, error=0.01, dtype=DOUBLE):
    """Likelihood of the curve that the backbone itself has, on a scale of its own and over a background."""
    flat = ScatteringCurve(q, np.exp(-((10 * q) ** 2)), np.full(len(q), 0.01))
    partial = SaxsLikelihood.of_curve(flat, aatype, dtype=DOUBLE).partial_intensities(x[None].double())[0, 0].numpy()
    intensity = 3e-7 * partial + 1e-4 * 3e-7 * partial[0]
    return SaxsLikelihood.of_curve(ScatteringCurve(q, intensity, error * intensity), aatype, dtype=dtype)


def write(path, q, intensity, sigma, head=""):
    rows = zip(q, intensity, sigma, strict=True)
    path.write_text(head + "".join(f"{a:.6e} {b:.6e} {c:.6e}\n" for a, b, c in rows))
    return path


def test_two_points_interfere_as_debye_says():
    q = torch.linspace(0.02, 0.5, 25, dtype=DOUBLE)
    for distance in (0.0, 3.8, 60.0):
        places = torch.tensor([[-0.5 * distance, 0, 0], [0.3 * distance, 0.4 * distance, 0]], dtype=DOUBLE)
        apart = float((places[0] - places[1]).norm())
        f = torch.tensor([[2.0], [-5.0]], dtype=DOUBLE).expand(2, 25)
        (found,) = amplitudes(places, q, (f,), orders(0.5 * 0.5 * max(distance, 1.0)))
        expected = 4.0 + 25.0 - 20.0 * torch.sinc(q * apart / math.pi)
        torch.testing.assert_close(found.square().sum(-1), expected, atol=2e-4, rtol=0)


def test_a_sphere_of_beads_has_the_curve_of_a_sphere():
    radius, axis = 25.0, np.arange(-25, 26, 2.0)
    grid = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    places = torch.as_tensor(grid[np.linalg.norm(grid, axis=1) <= radius])
    q = torch.linspace(0.01, 0.2, 20, dtype=DOUBLE)
    (found,) = amplitudes(places, q, (torch.ones(len(places), 20, dtype=DOUBLE),), orders(0.2 * radius))
    solid = (3.0 * len(places) / (4.0 * math.pi) * 8.0) ** (1.0 / 3.0)  # of the same volume
    form = 3.0 * (torch.sin(q * solid) - q * solid * torch.cos(q * solid)) / (q * solid) ** 3
    torch.testing.assert_close(found.square().sum(-1) / len(places) ** 2, form**2, atol=2e-3, rtol=0.02)


def test_multipoles_are_debyes_sum_for_any_amplitudes():
    generator = torch.Generator().manual_seed(1)
    places = 12 * torch.randn(50, 3, generator=generator, dtype=DOUBLE)
    q = torch.linspace(0.01, 0.5, 12, dtype=DOUBLE)
    f = torch.randn(50, 12, generator=generator, dtype=DOUBLE)
    (found,) = amplitudes(places, q, (f,), orders(0.5 * float(places.norm(dim=1).max())))
    pairs = torch.sinc(q[:, None, None] * torch.cdist(places, places) / math.pi)
    expected = torch.einsum("iq,jq,qij->q", f, f, pairs)
    torch.testing.assert_close(found.square().sum(-1), expected, atol=1e-3, rtol=1e-4)


def test_harmonics_are_orthonormal_in_the_sum_over_their_order():
    unit = torch.nn.functional.normalize(
        torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE), dim=1
    )
    for order, values in enumerate(harmonics(unit, 40)):
        products = values @ values.T * 4.0 * math.pi / (2 * order + 1)  # Legendre polynomials of the angles between
        legendre = torch.special.legendre_polynomial_p((unit @ unit.T).clamp(-1, 1), torch.tensor(float(order)))
        torch.testing.assert_close(products, legendre, atol=1e-10, rtol=0)


def test_amplitudes_at_zero_are_electrons_less_water():
    beads = make_beads(np.array([AMINO_ACIDS.index(c) for c in "GLW"]), np.array([0.0]), "cpu", DOUBLE)
    # residues C2H3NO, C6H11NO and C11H10N2O
    for residues, formula in (([0], (2, 3, 1, 1)), ([1, 3], (6, 11, 1, 1)), ([2, 4], (11, 10, 2, 1))):
        expected = sum(n * contrast(e, np.zeros(1))[0] for n, e in zip(formula, "CHNO", strict=True))
        assert float(beads.amplitude[residues].sum()) == pytest.approx(expected, abs=1e-9)
    torch.testing.assert_close(beads.own, beads.amplitude.square().sum(0))


def test_gradient_agrees_with_finite_differences():
    x = torch.as_tensor(helix(12))
    likelihood = likelihood_of(x, np.arange(12))
    moved = x[None] + 0.5 * torch.randn(2, 12, 4, 3, generator=torch.Generator().manual_seed(3), dtype=DOUBLE)
    value, gradient = LikelihoodPotential("saxs", likelihood).value_and_gradient(moved)
    generator = torch.Generator().manual_seed(4)
    for _ in range(5):
        way = torch.randn(moved.shape, generator=generator, dtype=DOUBLE)
        up, down = (-likelihood(moved + s * 1e-3 * way) for s in (1, -1))
        torch.testing.assert_close((gradient * way).sum((1, 2, 3)), (up - down) / 2e-3, rtol=1e-3, atol=1e-3)
    assert value.shape == (2,)


def test_place_orientation_scale_and_background_do_not_matter():
    x = torch.as_tensor(helix(20))
    likelihood = likelihood_of(x, np.arange(20))
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE))[0]
    turn = turn * torch.linalg.det(turn)
    there = x @ turn.T + torch.tensor([40.0, -10.0, 5.0])
    both = likelihood(torch.stack([x, there]))
    torch.testing.assert_close(both[0], both[1], atol=1e-4, rtol=1e-4)
    assert float(both[0]) > -0.01 and float(likelihood.chi2(x[None])[0]) < 0.01, "scale and background are found"
    numbers = likelihood.fit(x[None]).numbers[0]
    assert float(numbers[0] * likelihood.scale) == pytest.approx(3e-7, rel=0.05)
    assert float(likelihood(1.2 * x[None])[0]) < -0.1
    steep = likelihood.curvature(x[None])
    assert steep.shape == (1, 20, 4) and bool((steep > 0).all())


def test_beads_stand_for_atoms(small):
    """The curve of two beads a residue against Debye's sum over all atoms of a crystal structure."""
    structure = gemmi.read_structure(str(small.deposited))
    x, aatype = backbones(small.deposited)
    beads = make_beads(aatype, Q, "cpu", DOUBLE)
    places = beads.places(x[None].double())[0]
    places = places - places.mean(0)
    (a,) = amplitudes(places, torch.as_tensor(Q), (beads.amplitude,), orders(0.3 * float(places.norm(dim=1).max())))
    found = (a.square().sum(-1) + beads.own - beads.amplitude.square().sum(0)).numpy()
    xyz, f = [], []
    for residue in structure[0]["A"]:
        code = gemmi.find_tabulated_residue(residue.name).one_letter_code.upper()
        atoms = [atom for atom in residue if atom.element.name in "CNOS"]
        side = [atom for atom in atoms if atom.name not in ("N", "CA", "C", "O")]
        for atom in atoms:
            own = {"N": int(code != "P"), "CA": 1 + (code == "G"), "C": 0, "O": 0}
            share = own.get(atom.name, HYDROGENS[code] / max(1, len(side)))
            xyz.append(atom.pos.tolist())
            f.append(contrast(atom.element.name, Q) + share * contrast("H", Q))
    f, xyz = np.array(f), np.array(xyz)
    apart = np.linalg.norm(xyz[:, None] - xyz, axis=-1)
    exact = np.array([f[:, k] @ np.sinc(q * apart / math.pi) @ f[:, k] for k, q in enumerate(Q)])
    scale = (found @ (exact / exact**2)) / (found**2 @ (1 / exact**2))
    off = np.sqrt(np.mean((scale * found / exact - 1.0) ** 2))
    print(f"beads against atoms: {100 * off:.2f} % root mean square, scale {scale:.3f}")
    assert off < 0.04 and abs(scale - 1.0) < 0.05


@pytest.mark.parametrize(("name", "radius", "chi2"), [("SASDMT4", 48.1, 25.0), ("SASDUQ4", 47.0, 20.0)])
def test_measured_curves_agree_with_the_models_of_their_depositors(name, radius, chi2):
    """CRYSOL's fits of the same models, all atoms, have 5.2 and 10.0."""
    curve = read_curve(shared_file(f"saxs/{name}.dat"))
    assert curve.guinier()[0] == pytest.approx(radius, abs=2.0)
    x, aatype = backbones(shared_file(f"saxs/{name}_fit1_model1.pdb"))
    likelihood = SaxsLikelihood.of_curve(curve, aatype)
    found = float(likelihood.chi2(x[None])[0])
    print(f"{name}: chi^2 {found:.1f}")
    assert found < chi2 and float(likelihood.gyration(x[None])[0]) == pytest.approx(radius, rel=0.2)
    for factor in (0.9, 1.2):
        assert float(likelihood.chi2(factor * x[None])[0]) > 1.1 * found, "shrunk or swollen it does not agree"


def test_a_curve_says_nothing_of_a_part_of_its_molecule(small):
    x, aatype = backbones(small.deposited)
    curve = saxs.SaxsMeasurement(likelihood_of(x, aatype))
    known = np.arange(len(aatype)) > 0
    assert curve.potential_among(known).name == curve.name
    assert curve.potential_among(np.arange(len(aatype)) > 4) is None


def test_units_comments_and_separators(tmp_path):
    q = np.linspace(0.01, 0.3, 30)
    plain = read_curve(write(tmp_path / "a.dat", q, 5 - q, 0.1 + q, "# a comment\nSample: 3 mg/ml\n\n"))
    np.testing.assert_allclose(plain.q, q, rtol=1e-5)
    assert "taken to be in 1/A" in plain.notes[0]
    for name, head, factor in (("b.dat", "q (1/nm) I s\n", 0.1), ("c.dat", "# q in A^-1\n", 1.0), ("d.dat", "", 0.1)):
        scale = 10 if name == "d.dat" else 1
        curve = read_curve(write(tmp_path / name, scale * q, 5 - q, 0.1 + q, head), None)
        np.testing.assert_allclose(curve.q, factor * scale * q, rtol=1e-5)
    assert (
        read_curve(tmp_path / "a.dat", "nm").q[0] == pytest.approx(0.001)
        and not read_curve(tmp_path / "a.dat", "A").notes
    )
    text = (tmp_path / "a.dat").read_text().splitlines()[3:]
    (tmp_path / "e.csv").write_text(
        "q,I,error,fit\n" + "\n".join(",".join(reversed_.split()) + ",1" for reversed_ in text[::-1])
    )
    again = read_curve(tmp_path / "e.csv")
    np.testing.assert_allclose(again.q, plain.q)
    np.testing.assert_allclose(again.sigma, plain.sigma)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no numbers at all\n", "no line of three numbers"),
        ("0.1 2\n0.2 3\n", "has no errors"),
        ("0.1 2 0\n0.2 3 0\n", "no point with q and sigma above zero"),
        ("0.1 2 1\n0.2 3 1\n", "has 2 usable points"),
        ("".join(f"{0.01 * i} -3 1\n" for i in range(1, 40)), "no positive intensity"),
        ("\0" * 20, "no scattering curve"),
    ],
)
def test_bad_files_get_one_sentence(tmp_path, text, told):
    (tmp_path / "bad.dat").write_text(text)
    with pytest.raises(InputError, match=told):
        read_curve(tmp_path / "bad.dat")


def test_requests_without_a_file_or_with_other_words_are_refused():
    for text in ("saxs", "saxs 3", "saxs@a.dat cm", "saxs@a.dat nm nm"):
        with pytest.raises(InputError, match=r"write saxs@CURVE"):
            saxs.load(parse_request(text), None)


def test_a_job_takes_a_curve(small, tmp_path, monkeypatch):
    """A loop that is missing goes out as far as the curve of a molecule with its loop stretched out says."""
    monkeypatch.chdir(tmp_path)
    x, aatype = backbones(small.deposited)
    gap = [n - small.first for n in small.missing]
    outwards = x[gap].mean((0, 1)) - x.mean((0, 1))
    height = torch.sin(torch.linspace(0.0, math.pi, len(gap) + 2)[1:-1])
    stretched = x.clone()
    stretched[gap] += 20.0 * height[:, None, None] * outwards / outwards.norm()
    likelihood = likelihood_of(stretched, aatype)
    curve = likelihood.intensity.numpy()
    write(tmp_path / "curve.dat", Q, curve, 0.002 * curve, "# q in 1/A\n")
    quick = ["-r", "1", "-n", "15", "-d", "cpu", "--prior", "gaussian", "--trajectory", "0", "--side-chains", "none"]
    assert run(["complete", str(small.model), *quick, "-o", "free"]) == 0
    assert run(["complete", str(small.model), *quick, "-o", "pulled", "--measure", "saxs@curve.dat"]) == 0
    told = json.loads((tmp_path / "pulled" / "metrics.json").read_text())["measurements"]["saxs"]
    assert "radius of gyration" in (tmp_path / "pulled" / "events.log").read_text()
    free, pulled = (backbones(tmp_path / name / "result.cif")[0][None].double() for name in ("free", "pulled"))
    assert float(likelihood(pulled)[0]) > float(likelihood(free)[0])
    assert told["chi2"] > 0 and told["gyration"] == pytest.approx(float(likelihood.gyration(pulled)[0]), abs=0.5)
