from __future__ import annotations

import gemmi
import numpy as np
import pytest
from radial_density import radial_density

from adp3d.contract.errors import InputError
from adp3d.physics.form_factors import electron_form_factors


def test_shapes_follow_the_elements():
    a, b = electron_form_factors(["C", "n", "SE"])
    assert a.shape == b.shape == (3, 5)
    assert a[1].sum() == pytest.approx(2.2135)
    empty, _ = electron_form_factors([])
    assert empty.shape == (0, 5)


@pytest.mark.parametrize("element", ["C", "N", "O", "S", "Zn"])
def test_density_agrees_with_gemmi(element):
    (a,), (b,) = electron_form_factors([element])
    r = np.linspace(0.0, 4.0, 9)
    reference = gemmi.Element(element).c4322
    expected = [reference.calculate_density_iso(float(q) ** 2, 30.0) for q in r]
    np.testing.assert_allclose(radial_density(r, a, b, 30.0), expected, rtol=1e-4, atol=1e-9)


def test_density_integrates_to_the_forward_scattering():
    (a,), (b,) = electron_form_factors(["O"])
    r = np.linspace(0.0, 12.0, 20_001)
    shell = 4 * np.pi * r**2 * radial_density(r, a, b, 40.0)
    assert np.trapezoid(shell, r) == pytest.approx(a.sum(), rel=1e-6)


@pytest.mark.parametrize("element", ["X", "Og", "Qq"])
def test_elements_without_a_table_are_refused(element):
    with pytest.raises(InputError, match="form factor"):
        electron_form_factors(["C", element])
