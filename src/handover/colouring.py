"""Colours of residues by confidence or by fit to the map, and the key that explains them.

Confidence (0 to 100) has the colours that predicted models are known for, at the levels of ChimeraX's
palette ``alphafold``. Fit (a local map-model correlation, 0 to 1) runs from dark blue through grey to
yellow, in lightness as well as in hue, so that it can be read with any kind of colour vision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = [
    "CONFIDENCE",
    "FIT",
    "REPLICA_COLOURS",
    "SCALES",
    "UNKNOWN",
    "ColourScale",
    "confidence_from_spread",
    "show_colour_key",
]

UNKNOWN = (160, 160, 160, 255)
"""Colour of residues without a value."""

REPLICA_COLOURS = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((0, 114, 178), (213, 94, 0), (204, 121, 167)),
)
"""Of the replicas, for all kinds of colour vision (Okabe and Ito)."""

HALF_CONFIDENCE_SPREAD = 2.0
"""Spread of replicas in angstrom at which the confidence is 50, as the engine has it."""


@dataclass(frozen=True)
class ColourScale:
    """Colours at given values, linear in between and constant outside.

    Attributes
    ----------
    name : str
    values : tuple of float
        Ascending.
    colours : tuple of (int, int, int)
        Red, green and blue, 0 to 255, at those values.
    """

    name: str
    values: tuple[float, ...]
    colours: tuple[tuple[int, int, int], ...]

    def rgba(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Colours (N, 4) of ``values`` (N,); `UNKNOWN` where a value is not finite."""
        given = np.asarray(values, dtype=np.float64)
        finite = np.isfinite(given)
        filled = np.where(finite, given, self.values[0])
        rgba = np.full((len(given), 4), 255, dtype=np.uint8)
        for channel, levels in enumerate(np.array(self.colours, dtype=np.float64).T):
            rgba[:, channel] = np.rint(np.interp(filled, self.values, levels))
        rgba[~finite] = UNKNOWN
        return rgba

    def key(self) -> str:
        """Colours and labels as ChimeraX's command ``key`` takes them."""
        hexadecimal = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in self.colours)
        return " ".join(f"{colour}:{value:g}" for colour, value in zip(hexadecimal, self.values, strict=True))


CONFIDENCE = ColourScale(
    "confidence",
    (0, 50, 70, 90, 100),
    ((255, 0, 0), (255, 165, 0), (255, 255, 0), (100, 149, 237), (0, 0, 255)),
)
FIT = ColourScale(
    "fit",
    (0.0, 0.25, 0.5, 0.75, 1.0),
    ((0, 32, 77), (65, 77, 107), (124, 123, 120), (188, 175, 111), (255, 234, 70)),
)
SCALES = {scale.name: scale for scale in (CONFIDENCE, FIT)}
"""Scales by name."""


def confidence_from_spread(spread: NDArray[np.floating]) -> NDArray[np.float64]:
    r"""Confidence :math:`100 / (1 + (s/2)^2)` for a spread s of replicas in angstrom, shape (N,)."""
    scaled = np.asarray(spread, dtype=np.float64) / HALF_CONFIDENCE_SPREAD
    return 100.0 / (1.0 + scaled**2)


def show_colour_key(session: Session, scale: ColourScale) -> None:
    """Put a key for ``scale`` on the picture, in place of the one that is there."""
    from chimerax.core.commands import run

    # labels at equal distances: those of high confidence would lie on each other
    run(session, f"key {scale.key()} colorTreatment blended numericLabelSpacing equal fontSize 18", log=False)
