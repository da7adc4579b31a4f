"""How much pip would fetch, as the servers tell it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from chimerax.adp3d.process import download_size


class _Index(BaseHTTPRequestHandler):
    """A server of packages: ``/N`` has N bytes, ``/silent`` does not tell, anything else does not exist."""

    def do_HEAD(self):
        name = self.path.strip("/")
        self.send_response(200 if name.isdigit() or name == "silent" else 404)
        if name.isdigit():
            self.send_header("Content-Length", name)
        self.end_headers()

    def do_GET(self):
        raise AssertionError("a file was fetched")

    def log_message(self, format, *args):
        """Nothing goes to the error output."""


@pytest.fixture
def index():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.mark.parametrize(("name", "expected"), [("190000000", 190_000_000), ("0", 0), ("silent", None), ("gone", None)])
def test_the_size_of_a_file(index, name, expected):
    assert download_size.size(f"{index}/{name}") == expected


def test_what_no_server_has(index):
    assert download_size.size("file:///somewhere/torch.whl") == 0, "it is on this computer"
    assert download_size.size("no address") is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [({"torch": "700", "sympy": "11"}, 711), ({"torch": "700", "sympy": "silent"}, None), ({}, 0)],
)
def test_the_sum_is_told_only_if_every_server_tells(index, tmp_path, capsys, files, expected):
    items = [{"download_info": {"url": f"{index}/{path}"}, "metadata": {"name": name}} for name, path in files.items()]
    (tmp_path / "report.json").write_text(json.dumps({"install": items}), encoding="utf-8")
    download_size.main(str(tmp_path / "report.json"))
    assert json.loads(capsys.readouterr().out) == {"names": list(files), "bytes": expected}
