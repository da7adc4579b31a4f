"""ADP-3D: atomic models from partial measurements with a protein diffusion prior.

Importing this package is cheap by design: the ChimeraX client and the command line's ``--help``
touch it before any of the heavy rooms (torch, gemmi, mrcfile) is needed.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
