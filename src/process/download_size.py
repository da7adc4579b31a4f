"""Run with the environment's own Python: what pip would fetch, and how much that is.

Takes the file that ``pip install --dry-run --report FILE`` wrote and prints JSON: ``names`` of the packages and
``bytes`` of the files that are not on this computer, null where a server does not tell.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

_SECONDS = 15.0


def size(url: str) -> int | None:
    """Bytes of a file on a server, without fetching it; none of one that is on this computer."""
    if url.startswith("file:"):
        return 0
    try:
        with urlopen(Request(url, method="HEAD"), timeout=_SECONDS) as answer:
            length = answer.headers.get("Content-Length", "")
    except (URLError, OSError, ValueError):
        return None
    return int(length) if length.isdigit() else None


def main(report: str) -> None:
    """Print what a report of pip amounts to."""
    items = json.loads(Path(report).read_text(encoding="utf-8"))["install"]
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(size, [item["download_info"]["url"] for item in items]))
    known = [one for one in sizes if one is not None]
    names = [item["metadata"]["name"] for item in items]
    print(json.dumps({"names": names, "bytes": sum(known) if len(known) == len(sizes) else None}))


if __name__ == "__main__":
    main(sys.argv[1])
