"""Connections to engines on other computers."""

from __future__ import annotations

from .connection import Connection
from .courier import Courier
from .environment import EnvironmentProblem
from .hosts import Host
from .parcel import engine_digest
from .ssh import NO_SSH, remote_worker, ssh_command, ssh_program, ssh_variables

__all__ = ["connect_far"]


def connect_far(host: Host, courier: Courier) -> Connection:
    """Start the engine of a host.

    Raises
    ------
    OSError, EnvironmentProblem
        If ssh cannot be started.
    """
    program = ssh_program()
    if program is None:
        raise EnvironmentProblem(NO_SSH)
    command = ssh_command(host, remote_worker(host, engine_digest()), program)
    return Connection(command, ssh_variables(), courier)
