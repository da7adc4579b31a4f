"""Sentences on what moved."""

from __future__ import annotations

from adp3d.contract.motions import motion_sentences

STILL = {
    "chain": "A", "residues": "1-145, 335-397", "count": 208, "shift": 2.314, "angle": 4.12, "ca_rmsd": 2.5,
    "ca_rmsd_internal": 0.621, "farthest": [{"residue": "54", "distance": 0.0}], "hinge": None,
}  # fmt: skip


def test_all_that_is_known_of_a_domain():
    far = [{"residue": "340", "distance": 5.04}, {"residue": "12B", "distance": 4.0}]
    start = "Residues 1-145, 335-397 of chain A (208) moved by 2.31 A and 4.1 degrees as a whole and by 0.62 A (rms) "
    assert motion_sentences([STILL, STILL | {"farthest": far, "hinge": {"angle": 17.6}}]) == [
        start + "inside; CA RMSD to the start 2.50 A.",
        start + "inside; CA RMSD to the start 2.50 A, most at 340 (5.0 A), 12B (4.0 A); turned by 18 degrees against "
        "the first domain of the chain.",
    ]


def test_what_is_not_known_and_domains_without_number():
    (told,) = motion_sentences([STILL | {"angle": None, "farthest": []}])
    assert "2.31 A and ? degrees" in told
    many = motion_sentences([STILL] * 14)
    assert len(many) == 13 and many[-1] == "2 more domains are in metrics.json, under 'displacement'."
    assert motion_sentences([]) == []
