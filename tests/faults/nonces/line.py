"""A line to a chain's node on which transactions get lost: real HTTP, the node behind it is a real one.

What becomes of a transaction is drawn from the seed, its bytes and how often it came by: the same one has the same fate
in every run, whoever sends it and whenever.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import orjson

from ledger.record import keccak256

SEND = "eth_sendRawTransaction"
ALREADY_KNOWN = {"code": -32000, "message": "already known"}


class Fate(StrEnum):
    """What becomes of a transaction that is handed in."""

    PASSED = "passed on"
    CUT = "dropped, the line is cut"
    FORGOTTEN = "dropped, the node says it has it"
    KNOWN = "passed on, answered already known"
    NEVER_KNOWN = "dropped, answered already known"
    UNANSWERED = "passed on, never answered"


ODDS = {
    Fate.CUT: 100, Fate.FORGOTTEN: 100, Fate.KNOWN: 50, Fate.NEVER_KNOWN: 50, Fate.UNANSWERED: 50,
}  # fmt: skip
"""Of a thousand: 20 % are dropped, 10 % are answered "already known", 5 % are accepted and not answered."""
_IS_PASSED_ON = (Fate.PASSED, Fate.KNOWN, Fate.UNANSWERED)
_IS_SILENT = (Fate.CUT, Fate.UNANSWERED)


@dataclass
class Line:
    """The line's address, and what has become of the transactions that came by."""

    url: str
    node: str
    seed: int
    fates: Counter[Fate] = field(default_factory=Counter)
    _seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fate_of(self, raw: str) -> Fate:
        """What becomes of it this time."""
        with self._lock:
            self._seen[raw] += 1
            drawn = int.from_bytes(keccak256(f"{self.seed} {self._seen[raw]} {raw}".encode())[:8], "big") % 1000
            fate = _drawn(drawn)
            self.fates[fate] += 1
            return fate


def _drawn(number: int) -> Fate:
    for fate, odds in ODDS.items():
        if number < odds:
            return fate
        number -= odds
    return Fate.PASSED


@contextmanager
def losing_line(node: str, seed: int) -> Iterator[Line]:
    """A line to the node at that address, until the block is left."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        line = Line(f"http://127.0.0.1:{server.server_port}", node, seed)
        server.line = line  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield line
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client's, and one to the node for it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.line: Line = self.server.line  # type: ignore[attr-defined]
        self.node = HTTPConnection(urlsplit(self.line.node).netloc, timeout=60)

    def finish(self) -> None:
        self.node.close()
        with suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = orjson.loads(body)
        fate = Fate.PASSED
        if isinstance(asked, dict) and asked["method"] == SEND:
            fate = self.line.fate_of(asked["params"][0])
        answer = self._asked(body) if fate in _IS_PASSED_ON else b""
        if fate in _IS_SILENT:
            self.close_connection = True
            return
        if fate is not Fate.PASSED:
            answer = orjson.dumps({"jsonrpc": "2.0", "id": asked["id"]} | _said(fate, asked["params"][0]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    def _asked(self, body: bytes) -> bytes:
        self.node.request("POST", "/", body, {"Content-Type": "application/json"})
        return self.node.getresponse().read()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _said(fate: Fate, raw: str) -> dict[str, Any]:
    if fate is Fate.FORGOTTEN:
        return {"result": "0x" + keccak256(bytes.fromhex(raw.removeprefix("0x"))).hex()}
    return {"error": ALREADY_KNOWN}
