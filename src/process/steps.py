"""The steps of an installation: which commands are run, one after the other, and what their failures mean."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from .environment import ENGINE, engine_command, interpreter_of

__all__ = [
    "CUDA_GIGABYTES",
    "Step",
    "Usual",
    "begins_big_download",
    "explain",
    "has_nvidia",
    "install_steps",
    "look_step",
    "requirements",
    "size_step",
    "torch_index",
    "usual_torch",
    "verify_step",
    "wants_cuda",
]

_PIP = ("-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
_PATIENCE = ("--retries", "1", "--timeout", "30")
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_CUDA_INDEX = "https://download.pytorch.org/whl/cu126"

CUDA_GIGABYTES = 3.0
"""GB to download of torch with its libraries for NVIDIA cards: the sum for torch 2.14 on Linux as pip's report and the
servers give it; unpacked it is more than twice as much. Said where the servers do not tell."""

_BIG_WHEEL = re.compile(r"Downloading (?:\S*/)?((?:torch|nvidia_|cuda_)\S*\.whl) \((\d+(?:\.\d+)?) (MB|GB)\)")
_BIG_MEGABYTES = 300.0
"""The processor's build of torch has less than this in one file (180 MB for Linux), that for cards more (550)."""

_NO_NETWORK = re.compile(
    r"name resolution|getaddrinfo failed|nodename nor servname|Network is unreachable|No route to host"
    r"|Failed to establish a new connection|NewConnectionError|ConnectTimeout|Connection refused|ProxyError"
    r"|Could not connect|error sending request|dns error|Max retries exceeded|Read timed out",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Step:
    """One command of an installation.

    Attributes
    ----------
    title : str
        What it does, for the log.
    command : tuple of str
    required : bool
        Whether a failure ends the installation; otherwise the next step makes up for it.
    without : str
        What the engine lacks without this step, if that is all that a failure means.
    """

    title: str
    command: tuple[str, ...]
    required: bool = True
    without: str = ""


def install_steps(
    maker: Sequence[str] | None,
    directory: PurePath,
    device: str,
    platform: str,
    nvidia: bool,
    interpreter: PurePath | None = None,
    engine: PurePath = ENGINE,
) -> list[Step]:
    """Commands that make and fill an environment.

    Parameters
    ----------
    maker : sequence of str or None
        Makes the environment; None if there is a sound one to repair.
    directory : Path
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    platform : str
        As `sys.platform`.
    nvidia : bool
        Whether the computer has an NVIDIA driver.
    interpreter, engine : Path, optional
        Interpreter of the environment, and folder of the engine, on another computer.
    """
    python = str(interpreter or interpreter_of(Path(directory)))
    pip = (python, *_PIP, *_PATIENCE)
    steps = []
    if maker is not None:
        steps.append(Step("Making the environment", (*maker, str(directory))))
    torch = next(line for line in requirements() if line.startswith("torch"))
    index = torch_index(device, platform, nvidia)
    if index:
        # Smaller, or able to use the card; where that index cannot be reached the usual one must do.
        steps.append(Step("Installing torch", (*pip, torch, "--index-url", index), required=False))
    steps.append(Step("Installing packages", (*pip, "-r", str(engine / "requirements.txt"))))
    # not built for every system
    relaxation = (*pip, "--only-binary", ":all:", "-r", str(engine / "requirements-relax.txt"))
    without = "models cannot be relaxed until it is there, everything else works"
    steps.append(Step("Installing OpenMM", relaxation, required=False, without=without))
    return steps


@dataclass(frozen=True)
class Usual:
    """What torch from the usual index would be.

    Attributes
    ----------
    cuda : bool
        Whether it is the build for NVIDIA cards.
    gigabytes : float
        How much there is to download, in 1e9 bytes.
    """

    cuda: bool
    gigabytes: float


def look_step(python: Path, report: Path) -> Step:
    """Command that writes down what torch from the usual index would bring, and fetches nothing of it."""
    torch = next(line for line in requirements() if line.startswith("torch"))
    options = ("--dry-run", "--report", str(report))
    return Step("Looking at the usual index", (str(python), *_PIP, *_PATIENCE, *options, torch))


def size_step(python: Path, report: Path) -> Step:
    """Command that measures what such a report lists."""
    script = Path(__file__).resolve().parent / "download_size.py"
    return Step("Measuring the download", (str(python), "-I", "-B", str(script), str(report)))


def usual_torch(found: str, platform: str) -> Usual:
    """What torch from the usual index is, from what `size_step` printed; by the platform where that is empty.

    An old pip cannot tell: then it is the build for cards on Linux, where that is the usual one.
    """
    lines = [line for line in found.splitlines() if line.startswith("{")]
    if not lines:
        return Usual(platform == "linux", CUDA_GIGABYTES)
    values = json.loads(lines[-1])
    cuda = any(str(name).lower().startswith(("nvidia", "cuda")) for name in values["names"])
    size = values["bytes"]
    return Usual(cuda, CUDA_GIGABYTES if size is None else size / 1e9)


def begins_big_download(line: str) -> bool:
    """Whether pip says that it now fetches a file that only the build for cards has."""
    found = _BIG_WHEEL.search(line)
    return found is not None and float(found[2]) * (1000.0 if found[3] == "GB" else 1.0) > _BIG_MEGABYTES


def verify_step(python: Path, device: str) -> Step:
    """Command that examines an environment and prints a report as JSON."""
    return Step("Verifying", tuple(engine_command(python, "doctor", "--json", "--device", device)))


def requirements(engine: Path = ENGINE) -> list[str]:
    """Packages that the engine needs, as pip takes them."""
    lines = (engine / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def has_nvidia() -> bool:
    """Whether the computer has an NVIDIA driver."""
    places = {"win32": r"C:\Windows\System32\nvidia-smi.exe", "linux": "/usr/bin/nvidia-smi"}
    place = places.get(sys.platform)
    return place is not None and (Path(place).exists() or Path("/proc/driver/nvidia/version").exists())


def explain(output: str) -> str:
    """One sentence for a step that failed."""
    if _NO_NETWORK.search(output):
        return (
            "The packages cannot be downloaded because there is no connection to the internet; connect this computer "
            "(or let 'adp3d install python PATH' point to a ready environment) and run 'adp3d install' again."
        )
    if re.search(r"No space left|disk is full|ENOSPC|not enough space", output, re.IGNORECASE):
        return "The disk is full; free about 2 GB (8 GB for a graphics card) and run 'adp3d install' again."
    if re.search(r"Permission denied|Read-only file system|Access is denied|Not a directory", output):
        return "The folder cannot be written to; run 'adp3d install DIRECTORY' with another folder."
    if "No matching distribution found" in output:
        return (
            "A package that the engine needs is not offered for this Python and system; let 'adp3d install python "
            "PATH' point to a ready environment."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"A step of the installation failed ({lines[-1][:200] if lines else 'without a message'})."


def torch_index(device: str, platform: str, nvidia: bool) -> str:
    """Package index that torch is taken from first; empty for the usual one.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    platform : str
        As `sys.platform`.
    nvidia : bool
        Whether the computer has an NVIDIA driver.
    """
    cuda = wants_cuda(device, nvidia)
    if platform == "linux" and not cuda:
        return _CPU_INDEX
    return _CUDA_INDEX if platform == "win32" and cuda else ""


def wants_cuda(device: str, nvidia: bool) -> bool:
    """Whether the build for NVIDIA cards is wanted."""
    return device == "cuda" or (device == "auto" and nvidia)
