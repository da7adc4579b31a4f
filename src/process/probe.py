"""Run by the engine's interpreter: prints as JSON what is missing for the engine in ``argv[1]``."""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path

__all__: list[str] = []


def _numbers(version: str) -> list[int]:
    """Leading numbers of a version: 2.6.0+cpu gives [2, 6, 0]."""
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        numbers.append(int(digits.group()))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _problems(requirements: str) -> list[str]:
    missing, problems = [], []
    for line in requirements.splitlines():
        match = re.match(r"([A-Za-z0-9_.-]+)(.*)", line.split("#")[0].strip())
        if match is None:
            continue
        name, limits = match.groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        for sign, limit in re.findall(r"(>=|<)\s*([\d.]+)", limits):
            if (_numbers(version) < _numbers(limit)) == (sign == ">="):
                problems.append(f"the package {name} has version {version}, needed is {sign}{limit}")
    if len(missing) > 3:
        missing[2:] = [f"{len(missing) - 2} others"]
    return [f"it lacks the packages {', '.join(missing)}"] * bool(missing) + problems


def _main(engine: Path) -> None:
    if sys.version_info < (3, 10):  # noqa: UP036  (any interpreter may be pointed to)
        problems = ["Python {}.{} is too old, needed is 3.10".format(*sys.version_info[:2])]
    else:
        problems = _problems((engine / "requirements.txt").read_text(encoding="utf-8"))
    print(json.dumps({"problems": problems}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
