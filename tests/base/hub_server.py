"""A small Hub on this machine, for one repository: it can cut connections, refuse, and be out of order."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0ffee0000000000000000000000000000000000"


@dataclass
class Hub:
    """What it serves and how it behaves; `asked` are the ranges that were asked for, by file."""

    name: str
    files: dict[str, bytes]
    cut: dict[str, int] = field(default_factory=dict)
    """Bytes of a file after which its connection is cut, once."""
    errors: list[int] = field(default_factory=list)
    """Status codes of the next answers to file requests, one each."""
    gated: bool = False
    asked: dict[str, list[str]] = field(default_factory=dict)
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the test's output."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/") and "/tree/" in path:
            tree = [
                {"type": "file", "path": n, "size": len(c), "oid": hashlib.sha1(c).hexdigest()}
                for n, c in self.hub.files.items()
            ]
            self._send(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
            return
        if path.startswith("/api/models/"):
            siblings = [{"rfilename": n, "size": len(c)} for n, c in self.hub.files.items()]
            self._send(
                200, json.dumps({"id": self.hub.name, "sha": COMMIT, "siblings": siblings}).encode(), {}
            )
            return
        if self.hub.gated:
            self._send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
            return
        name = path.split("/resolve/", 1)[-1].split("/", 1)[-1]
        if name not in self.hub.files:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if body and self.hub.errors:
            self._send(self.hub.errors.pop(0), b"", {"Retry-After": "0"})
            return
        self._file(name, body)

    def _file(self, name: str, body: bool) -> None:
        content = self.hub.files[name]
        digest = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        first = 0
        if body:
            asked = self.headers.get("Range", "")
            self.hub.asked.setdefault(name, []).append(asked)
            first = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            if first:
                headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        cut = self.hub.cut.pop(name, None) if body else None
        self._send(206 if first else 200, content[first:], headers, body, cut)

    def _send(
        self, code: int, content: bytes, headers: dict[str, str], body: bool = True, cut: int | None = None
    ) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET" and body:
            self.wfile.write(content if cut is None else content[:cut])
        if cut is not None:
            self.close_connection = True


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve while this lasts; `hub.address` says where."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def contents(folder: Path, large: int = 0) -> dict[str, bytes]:
    """The files of a base's folder as a repository holds them; one file of `large` bytes more."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {**found, "transformer/large.safetensors": bytes(large)} if large else found
