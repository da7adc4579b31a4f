"""From what went wrong to what to do about it, in words that a user of ChimeraX knows."""

from __future__ import annotations

import re
import signal

__all__ = ["UNREADABLE", "advice_for_end", "advice_for_text", "advice_without_environment"]

UNREADABLE = "its output could not be read"
"""How the reason begins for which an engine is ended that sends anything but messages."""

_INSTALL = "Run the command 'adp3d install' to repair the engine's environment."
_BROKEN = "The engine's environment is broken; run the command 'adp3d install' to repair it."

_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED",
        "The memory of the graphics card does not suffice: use fewer replicas, fewer chains or 'device cpu', "
        "and close other programs that use the card.",
    ),
    (
        r"MemoryError|DefaultCPUAllocator|not enough memory|Cannot allocate memory|bad_alloc",
        "The memory does not suffice: use fewer replicas, fewer chains or a smaller region of the map.",
    ),
    (
        r"No CUDA device|no CUDA-capable device|Torch not compiled with CUDA|CUDA is not available"
        r"|Found no NVIDIA driver|driver version is insufficient|NVIDIA driver on your system is too old",
        "The graphics card cannot be used: run the job with 'device cpu', or update the driver and run "
        "'adp3d install device cuda'.",
    ),
    (
        r"no kernel image is available|CUDA capability|not compatible with the current PyTorch",
        "This version of torch does not support the graphics card: run the job with 'device cpu'.",
    ),
    (
        r"No space left on device|disk is full|disk of .* is too full|ENOSPC",
        "Free some space on the disk, then run the job again.",
    ),
    (
        r"\.safetensors|[Ww]eights .*(missing|not found|damaged)|cannot load weights",
        "The weights of the prior are missing or damaged: install the ADP-3D bundle again.",
    ),
    (
        r"No module named 'adp3d|there is no engine in",
        "The engine's files are missing: install the ADP-3D bundle again.",
    ),
    (r"No module named|ModuleNotFoundError|ImportError|DLL load failed|cannot open shared object", _INSTALL),
    (r"GLIBC_[0-9.]+' not found|Illegal instruction", "This computer's system or processor is too old for torch."),
    (r"speaks version \d+ of the protocol", _INSTALL),
    (r"Permission denied|Read-only file system", "Choose a folder that you may write to."),
)


def advice_for_text(text: str) -> str:
    """Advice for an error message or error output; empty if nothing in it is known.

    Parameters
    ----------
    text : str
        The newest lines count most: the last known cause in it is taken.
    """
    found = [(match.start(), advice) for pattern, advice in _KNOWN for match in re.finditer(pattern, text)]
    return max(found, key=lambda item: item[0])[1] if found else ""


def advice_for_end(
    code: int | None, reason: str, errors: str, *, log: bool = False, resume: str = ""
) -> tuple[str, str]:
    """Sentence and advice for an engine that ended by itself while it was needed.

    Parameters
    ----------
    code : int or None
        Exit status, negative for a signal.
    reason : str
        Why the client ended it, if it did.
    errors : str
        Its last error output.
    log : bool
        Whether there is an ``engine.log`` to read.
    resume : str
        Command that goes on with the job, if there is something to go on with.
    """
    said, again = _causes(code, reason, errors)
    parts = [again]
    if resume and code is not None and code < 0 and not reason.startswith(UNREADABLE):
        parts.append(f"'{resume}' goes on from the last checkpoint.")
    if log:
        parts.append("The job folder holds engine.log.")
    return said, " ".join(part for part in parts if part)


def advice_without_environment(program: str, resume: str = "") -> tuple[str, str]:
    """Sentence and advice for a job that failed because its environment was removed under it.

    Parameters
    ----------
    program : str
        Interpreter that was there.
    resume : str
        Command that goes on with the job, if there is something to go on with.
    """
    again = f"; '{resume}' then goes on from the last checkpoint." if resume else ", and then the job again."
    return (
        f"The engine's environment was removed while the job ran ('{program}' is gone).",
        f"Run the command 'adp3d install' to make it again{again}",
    )


def _causes(code: int | None, reason: str, errors: str) -> tuple[str, str]:
    """What happened, and what to do about its cause."""
    known = advice_for_text(errors)
    if reason.startswith(UNREADABLE):
        return f"The engine was ended because {UNREADABLE}.", known or _BROKEN
    if reason:
        return f"The engine was ended because {reason}.", known or "Run the job again."
    if code is not None and code < 0:
        name = _signal_name(-code)
        if -code == getattr(signal, "SIGKILL", 9):
            advice = (
                "If nobody ended it, the system did because memory ran out: use fewer replicas, fewer chains or a "
                "smaller region of the map."
            )
            return f"The engine was killed ({name}).", known or advice
        return f"The engine crashed ({name}).", known or _INSTALL
    last = _last_line(errors)
    said = f": {last}" if last else ""
    return f"The engine ended unexpectedly (exit status {code}){said}", known or _INSTALL


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
