"""The simulation's own way to Anvil: not through what is under test, and cheap, for a seed asks hundreds of times."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson


class Wire:
    """JSON-RPC over one kept connection; each question is one write."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self._head = f"POST / HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n".encode()
        self._numbers = itertools.count(1)

    def exchange(self, body: Any) -> Any:
        """The answer to a question, or to a list of them, as it came."""
        content = orjson.dumps(body)
        self._socket.sendall(self._head + b"Content-Length: %d\r\n\r\n" % len(content) + content)
        length = 0
        while (line := self._reader.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        return orjson.loads(self._reader.read(length))

    def call(self, method: str, *params: Any) -> Any:
        """One result. Raises AssertionError with the node's own words where it refuses."""
        return self.calls([(method, params)])[0]

    def calls(self, questions: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several questions, answered one after the other."""
        answers = self.exchange([
            {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
            for method, params in questions
        ])  # fmt: skip
        for (method, _), answer in zip(questions, answers, strict=True):
            assert "error" not in answer, (method, answer["error"])
        return [answer["result"] for answer in answers]

    def close(self) -> None:
        """Ends the connection."""
        self._reader.close()
        self._socket.close()
