"""Command lines of ssh, and what its failures mean; a real shell reads what is quoted."""

from __future__ import annotations

import subprocess
import sys

import pytest
from chimerax.adp3d.process.hosts import Host, hosts, remember_host
from chimerax.adp3d.process.ssh import explain_ssh, remote_worker, ssh_command, temporary

HOST = Host("gpu", "me@server", 2222, "/home/me/an engine's $HOME", "/usr/bin/python3")
posix = pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX systems")


def test_the_command_line():
    command = ssh_command(HOST, ("echo", "a b"), "/usr/bin/ssh")
    assert command[0] == "/usr/bin/ssh" and "BatchMode=yes" in command and "ClearAllForwardings=yes" in command
    assert command[-5:] == ["-p", "2222", "--", "me@server", "echo 'a b'"]
    assert "-p" not in ssh_command(Host("gpu", "name"), ("true",), "ssh")


@posix
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_the_shell_there_sees_words_as_they_are_here(shell):
    words = ("printf", "%s\\n", "a b", "it's", "$HOME", "`id`", "*", ";exit 3", 'say "hi"', "-o", "")
    said = ssh_command(HOST, words, "ssh")[-1]
    done = subprocess.run([shell, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == list(words[2:])


@posix
def test_an_engine_of_another_version_has_a_status_of_its_own(tmp_path):
    words = remote_worker(Host("gpu", "me@server", 0, str(tmp_path), sys.executable), "ab" * 32)
    said = ssh_command(HOST, words, "ssh")[-1]
    done = subprocess.run(["/bin/sh", "-c", said], capture_output=True, text=True, check=False)
    assert done.returncode == 66
    assert "'adp3d engine test gpu'" in explain_ssh(HOST, 66, "")
    assert words[-3:] == ["--store", str(tmp_path), "--goes-on"]
    assert "--goes-on" not in remote_worker(Host("gpu", "h", 0, "/f", "/p", lost="stop"), "ab" * 32)


@pytest.mark.parametrize(
    ("output", "words", "again"),
    [
        ("me@server: Permission denied (publickey).", "takes none of your keys", False),
        ("Host key verification failed.", "'ssh -p 2222 me@server'", False),
        ("Host key for server has changed and ...\nHost key verification failed.", "has changed since", False),
        (
            "ssh: Could not resolve hostname server: Name or service not known",
            "no computer of the name 'server'",
            False,
        ),
        ("ssh: connect to host server port 2222: Connection refused", "does not take connections", True),
        ("ssh: connect to host server port 2222: No route to host", "'server' does not answer", True),
        ("Timeout, server server not responding.", "'server' does not answer", True),
        ("client_loop: send disconnect: Broken pipe", "The connection to 'server' broke", True),
        ("something new", "The connection to 'gpu' broke (something new).", True),
    ],
)
def test_one_sentence_for_each_failure(output, words, again):
    said = explain_ssh(HOST, 255, output)
    assert words in said and said.endswith(".") and said.count(". ") == 0
    assert temporary(255, output) is again
    assert not temporary(1, output)


def test_damaged_settings_do_no_harm(session):
    from chimerax.adp3d.settings import adp3d_settings

    remember_host(session, HOST)
    settings = adp3d_settings(session)
    bad = {"destination": "-oProxyCommand=x"}, {"destination": "h", "port": "22"}, {"more": 1}, "text", {"lost": "x"}
    settings.engines = {**settings.engines, **{f"bad{i}": values for i, values in enumerate(bad)}}
    assert hosts(session) == {"gpu": HOST}
