"""Commands on another computer through the system's ``ssh``, with the user's own keys, agents and configuration."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from .environment import clean_variables
from .hosts import Host

__all__ = [
    "MISSING_ENGINE",
    "NO_SSH",
    "engine_folder",
    "explain_ssh",
    "remote_worker",
    "ssh_command",
    "ssh_failed",
    "ssh_program",
    "ssh_variables",
    "temporary",
]

SSH_FAILED = 255
"""Exit status of ssh itself; any other is that of the command there."""

NO_SSH = "The program 'ssh' was not found on this computer; install OpenSSH, and start ChimeraX again."
MISSING_ENGINE = 66
"""Exit status of our own: the engine of this version is not there."""

_OPTIONS = (
    *("-T", "-x"),  # neither a terminal nor windows
    *("-o", "BatchMode=yes"),  # nobody can answer a question for a password in ChimeraX
    *("-o", "ConnectTimeout=15"),
    # a cable that was pulled is noticed after 45 seconds
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=3"),
    *("-o", "LogLevel=ERROR"),
    *("-o", "ClearAllForwardings=yes"),  # of the user's configuration: no port is opened for this
)

_FINAL: tuple[tuple[str, str], ...] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed",
        "The host key of '{host}' has changed since you last connected: somebody may pretend to be it; ask who runs "
        "it, and remove the old key with 'ssh-keygen -R' if that is right.",
    ),
    (
        r"Host key verification failed|No .* host key is known",
        "The host key of '{host}' is not known: connect once in a terminal ('{command}'), compare its fingerprint, "
        "then try again.",
    ),
    (
        r"Permission denied|Too many authentication failures|no mutual signature|Authentication failed",
        "'{host}' takes none of your keys: load the right one into your agent ('ssh-add'), or name it in your ssh "
        "configuration; '{command}' in a terminal must work without a password.",
    ),
    (
        r"Could not resolve hostname|Name or service not known|nodename nor servname",
        "There is no computer of the name '{host}': check the name, or the network.",
    ),
    (
        r"Bad configuration option|terminating, .* bad configuration|Bad owner or permissions",
        "Your ssh configuration cannot be used: '{command}' in a terminal says why.",
    ),
)
_PASSING: tuple[tuple[str, str], ...] = (
    (
        r"Connection refused",
        "'{host}' does not take connections by ssh: check that it runs, and the port.",
    ),
    (
        r"timed out|Timeout, server|No route to host|Network is unreachable|Operation timed out|Connection timed",
        "'{host}' does not answer: check that it runs, and the network.",
    ),
    (
        r"Connection reset|Connection closed|Broken pipe|kex_exchange_identification|closed by remote host",
        "The connection to '{host}' broke.",
    ),
)


def ssh_program(environ: Mapping[str, str] = os.environ) -> str | None:
    """The system's ssh; None if there is none."""
    return shutil.which("ssh", path=environ.get("PATH"))


def ssh_command(host: Host, words: Sequence[str], program: str) -> list[str]:
    """Command line that runs a command there; the shell there sees each word as it is here."""
    port = ("-p", str(host.port)) if host.port else ()
    return [program, *_OPTIONS, *port, "--", host.destination, " ".join(map(shlex.quote, words))]


def ssh_variables() -> dict[str, str]:
    """Environment of ssh: the user's agent is reached by it, ChimeraX's own libraries are not."""
    return {name: value for name, value in clean_variables(os.environ).items() if name != "LD_LIBRARY_PATH"}


def remote_worker(host: Host, digest: str) -> list[str]:
    """Words that start the engine's worker there, in the place of the shell."""
    engine = engine_folder(host.folder, digest)
    launch = str(engine / "process" / "launch.py")
    python = [host.python, "-I", "-B", "-X", "utf8", "-X", "faulthandler", launch, str(engine / "engine")]
    lost = ["--goes-on"] if host.lost == "continue" else []
    script = f'test -f "$1" || exit {MISSING_ENGINE}; shift; exec "$@"'
    return ["/bin/sh", "-c", script, "sh", launch, *python, "worker", "--store", host.folder, *lost]


def engine_folder(folder: str, digest: str) -> PurePosixPath:
    """Where an engine of certain contents lies in the folder there."""
    return PurePosixPath(folder, "engine", digest[:16])


def explain_ssh(host: Host, code: int | None, output: str) -> str:
    """One sentence for a connection that was refused, or broke."""
    where = host.destination.rpartition("@")[2]
    command = " ".join(["ssh", *(("-p", str(host.port)) if host.port else ()), shlex.quote(host.destination)])
    if code == MISSING_ENGINE:
        return (
            f"The engine on '{host.name}' is that of another version of ADP-3D; 'adp3d engine test {host.name}' brings "
            "it up to date."
        )
    if code in (126, 127):
        return (
            f"The Python of the engine on '{host.name}' ('{host.python}') is gone or cannot be run; set it up again "
            f"with 'adp3d engine add {host.name} ssh {host.destination}'."
        )
    for pattern, sentence in (*_FINAL, *_PASSING):
        if re.search(pattern, output, re.IGNORECASE):
            return sentence.format(host=where, command=command)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = f" ({lines[-1][:200]})" if lines else ""
    return f"The connection to '{host.name}' broke{said}."


def ssh_failed(code: int | None) -> bool:
    """Whether it was the connection that failed, rather than the engine; also where ssh itself was killed."""
    return code is None or code == SSH_FAILED or code < 0


def temporary(code: int | None, output: str) -> bool:
    """Whether the same connection may work a little later."""
    return ssh_failed(code) and not any(re.search(pattern, output, re.IGNORECASE) for pattern, _ in _FINAL)
