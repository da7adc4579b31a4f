"""Draw the icon of the toolbar button: a helix in a box of map. Run ``python docs/make_icon.py``."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from PIL import Image, ImageDraw

SIZE, SCALE = 96, 4


def draw() -> Image.Image:
    """Icon of 96 x 96 pixels that reads well on light and dark tool bars."""
    side = SIZE * SCALE
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle(
        (10 * SCALE, 6 * SCALE, side - 10 * SCALE, side - 6 * SCALE),
        radius=18 * SCALE,
        fill=(110, 150, 200, 70),
        outline=(110, 150, 200, 255),
        width=3 * SCALE,
    )
    points = []
    for i in range(400):
        t = i / 399
        points.append((side / 2 + 24 * SCALE * math.sin(2 * math.pi * 2.5 * t), side * (0.14 + 0.72 * t), t))
    for (x0, y0, t), (x1, y1, _) in itertools.pairwise(points):
        known = t < 0.36 or t > 0.7
        colour = (150, 150, 150, 255) if known else (235, 125, 30, 255)
        pen.line((x0, y0, x1, y1), fill=colour, width=9 * SCALE)
        pen.ellipse((x1 - 4.5 * SCALE, y1 - 4.5 * SCALE, x1 + 4.5 * SCALE, y1 + 4.5 * SCALE), fill=colour)
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().save(Path(__file__).resolve().parents[1] / "src" / "icons" / "adp3d.png", optimize=True)
