"""An ssh server on the loopback address, with keys of its own: sshd where there is one, else asyncssh.

Run as a program it is the asyncssh server: ``python ssh_server.py PORT HOST_KEY AUTHORIZED_KEYS``.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["SshServer", "why_no_server"]

_SECONDS = 20.0
_SETTINGS = {"OMP_NUM_THREADS": "1", "PIP_NO_INDEX": "1", "PATH": os.environ["PATH"]}
"""Environment of commands there; nothing is fetched from the network."""


def _sshd() -> str | None:
    """sshd, where it can be run by this user."""
    found = shutil.which("sshd") or ("/usr/sbin/sshd" if Path("/usr/sbin/sshd").is_file() else None)
    if found is not None and os.getuid() == 0:
        import pwd

        try:
            pwd.getpwnam("sshd")  # which it wants to be where it is started by the superuser
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        except (KeyError, OSError):
            return None
    return found


def why_no_server() -> str:
    """Why no server can be started here; empty if one can."""
    if sys.platform == "win32":
        return "the tests start their server on Linux and macOS only"
    if not (shutil.which("ssh") and shutil.which("ssh-keygen")):
        return "OpenSSH's programs 'ssh' and 'ssh-keygen' are not installed"
    if _sshd() is None and not _has_asyncssh():
        return "neither sshd nor the package 'asyncssh' is installed"
    return ""


def _has_asyncssh() -> bool:
    command = [_python(), "-c", "import asyncssh"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _user() -> str:
    """Who runs this; names in the environment may be others."""
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _python() -> str:
    """Python of the engine's environment, which has asyncssh where the tests' packages were installed."""
    return os.environ.get("ADP3D_PYTHON") or sys.executable


class NoServer(Exception):
    """No server can be used here; the message says why."""


class SshServer:
    """A running server, and a program ``ssh`` that knows its keys.

    Parameters
    ----------
    folder : Path
        For keys, configuration, and the program.

    Attributes
    ----------
    destination : str
        ``user@127.0.0.1``.
    port : int
    forks : bool
        Whether each connection has a process of its own there (sshd).
    bin : Path
        Folder to put before all others in ``PATH``: its ``ssh`` is the system's, with a configuration of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.destination = f"{_user()}@127.0.0.1"
        self.port = _free_port()
        self._real = shutil.which("ssh")
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name in ("host_key", "user_key", "other_key"):
            self._keygen(name)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        self.trust(folder / "host_key.pub")
        self.use_key("user_key")
        self._process: subprocess.Popen[bytes] | None = None
        self.start(_sshd())
        if not self._lets_in():  # sshd refuses, such as users of a container or of a name space
            self.stop()
            if not _has_asyncssh():
                raise NoServer("sshd lets nobody in here, and the package 'asyncssh' is not installed")
            self.start(None)

    def start(self, program: str | None) -> None:
        """Take connections, with sshd, or with asyncssh."""
        self.forks = program is not None
        if program is None:
            here = Path(__file__).resolve()
            keys = (str(self.folder / "host_key"), str(self.folder / "authorized_keys"))
            command = [_python(), str(here), str(self.port), *keys]
        else:
            lines = (
                f"Port {self.port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {self.folder / 'host_key'}",
                f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
                "PidFile none",
                "UsePAM no",
                "StrictModes no",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password",
                "SetEnv " + " ".join(f"{name}={value}" for name, value in _SETTINGS.items()),
            )
            (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
            command = [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **_SETTINGS}
            )
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the server did not start: " + (self.folder / "server.log").read_text())

    def _lets_in(self) -> bool:
        """Whether the right key is taken."""
        command = [
            str(self.bin / "ssh"),
            "-T",
            "-o",
            "BatchMode=yes",
            "-p",
            str(self.port),
            "--",
            self.destination,
            "true",
        ]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
        return done.returncode == 0

    def connections(self) -> list[int]:
        """Processes that serve connections; empty where one process serves all."""
        import psutil

        if self._process is None or not self.forks:
            return []
        return [child.pid for child in psutil.Process(self._process.pid).children(recursive=False)]

    def stop(self) -> None:
        """Take no connections any more, and end those that there are."""
        for process in self.connections():
            for number in (signal.SIGKILL, signal.SIGCONT):
                try:
                    os.kill(process, number)
                except ProcessLookupError:
                    break
        if self._process is not None:
            self._process.kill()
            self._process.wait(_SECONDS)
            self._process = None

    def trust(self, key: Path | None) -> None:
        """Let the client know this host key of the server, or none."""
        line = "" if key is None else f"[127.0.0.1]:{self.port} {key.read_text()}"
        (self.folder / "known_hosts").write_text(line)

    def use_key(self, name: str) -> None:
        """Let the client show this key."""
        options = {
            "IdentityFile": self.folder / name,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "ServerAliveInterval": 1,
            "ServerAliveCountMax": 2,
        }
        words = " ".join(f"-o {shlex.quote(f'{key}={value}')}" for key, value in options.items())
        program = self.bin / "ssh"
        program.write_text(f'#!/bin/sh\nexec {self._real} -F /dev/null {words} "$@"\n')
        program.chmod(0o755)

    def _keygen(self, name: str) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def _serve(port: int, host_key: str, authorized_keys: str) -> None:
    """Run commands for whoever has one of the keys, with asyncssh."""
    import asyncio

    import asyncssh

    async def handle(process: asyncssh.SSHServerProcess) -> None:
        shell = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command or "exit 1",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await process.redirect(stdin=shell.stdin, stdout=shell.stdout, stderr=shell.stderr)
        process.exit(await shell.wait())

    async def run() -> None:
        server = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[host_key],
            authorized_client_keys=authorized_keys,
            process_factory=handle,
            encoding=None,
        )
        await server.wait_closed()

    asyncio.run(run())


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.argv[2], sys.argv[3])
