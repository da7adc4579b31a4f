"""Make the pictures of ChimeraX's help pages from those of the guide: ``python docs/make_help_pictures.py``.

They are smaller than those of the guide, since they are part of the bundle, and lie beside the pages.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

__all__ = ["PICTURES", "main"]

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PAGES = ROOT / "src" / "docs" / "user" / "tools"
PICTURES = {
    "panel_idle": 300,
    "chimerax_running": 640,
    "panel_finished": 300,
    "segments": 300,
    "chimerax_walking": 640,
    "chimerax_alternatives": 640,
    "chimerax_accepted": 640,
}
"""Pictures of the guide, and how many pixels wide those of the help pages are."""
_COLOURS = 96


def main() -> None:
    """Write all of them."""
    for name, width in PICTURES.items():
        with Image.open(IMAGES / f"{name}.png") as full:
            height = round(full.height * width / full.width)
            small = full.convert("RGB").resize((width, height), Image.Resampling.LANCZOS).quantize(_COLOURS)
        small.save(PAGES / f"adp3d_{name}.png", optimize=True)


if __name__ == "__main__":
    main()
