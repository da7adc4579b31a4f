"""``python -m adp3d.cli``: the command line where the console command is not on the path."""

from __future__ import annotations

import sys

from . import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
