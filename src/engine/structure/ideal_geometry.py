"""Bond lengths and angles of protein backbones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ANGLES", "BONDS"]

Values = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

BONDS: Mapping[str, Values] = MappingProxyType(
    {
        "N-CA": ((1.459, 0.020), (1.456, 0.015), (1.468, 0.017)),
        "CA-C": ((1.525, 0.026), (1.514, 0.016), (1.524, 0.020)),
        "C-O": ((1.229, 0.019), (1.232, 0.016), (1.228, 0.020)),
        "C-N": ((1.336, 0.023), (1.326, 0.018), (1.338, 0.019)),
    }
)
"""Mean and standard deviation (A) for an ordinary residue, glycine and proline.

Engh & Huber (2001), International Tables for Crystallography F, table 18.3.2.3. ``C-N`` is the
peptide bond to the next residue; its proline column applies where the *next* residue is proline.
"""

ANGLES: Mapping[str, Values] = MappingProxyType(
    {
        "N-CA-C": ((111.0, 2.7), (113.1, 2.5), (112.1, 2.6)),
        "CA-C-O": ((120.1, 2.1), (120.6, 1.8), (120.2, 2.4)),
        "CA-C-N": ((117.2, 2.2), (116.2, 2.0), (117.1, 2.8)),
        "O-C-N": ((122.7, 1.6), (123.2, 1.7), (121.1, 1.9)),
        "C-N-CA": ((121.7, 2.5), (122.3, 2.1), (119.3, 1.5)),
    }
)
"""As `BONDS`, in degrees; ``C-N-CA`` of a cis proline has its own value, 127.0 (2.4)."""
