"""The line between node and chain, which spoils what goes over it. HTTP/1.1, one request after the other on a line."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import free_port

SHARE = 0.6
"""Of the requests that come while a fault lasts so many are hit."""
STALE_S = (1.5, 6.0)
"""How old the head is that a node which lags behind answers with."""
HEAD_MAX = 2**16

KINDS = (
    "request delayed", "request dropped", "answer lost", "answer cut", "request sent twice", "requests reordered",
    "answer 429", "answer 500", "answer garbage", "answer stale", "answer lacks a field",
)  # fmt: skip


class _Hung(Exception):
    """The line is cut at this point."""


@dataclass
class Mischief:
    """One kind of fault while it lasts, and how many requests it has hit."""

    kind: str
    hits: int = 0


@dataclass
class _Heads:
    """The newest block as it was answered lately."""

    seen: deque[tuple[float, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=400))

    def old(self, rng: random.Random) -> dict[str, Any] | None:
        now_s, (least, most) = time.monotonic(), STALE_S
        fit = [block for at_s, block in self.seen if least <= now_s - at_s <= most]
        return rng.choice(fit) if fit else None


class Proxy:
    """Listens on `port` in a thread of its own, and hands on to the node at `upstream`."""

    def __init__(self, upstream: int, rng: random.Random) -> None:
        self.port = free_port()
        self._upstream, self._rng = upstream, rng
        self._active: list[Mischief] = []
        self._heads = _Heads()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._listening = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._listening.wait(10)

    def stop(self) -> None:
        if self._thread.ident is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    @contextmanager
    def doing(self, kind: str) -> Iterator[Mischief]:
        """Requests are hit until the block is left."""
        mischief = Mischief(kind)
        self._active = [*self._active, mischief]
        try:
            yield mischief
        finally:
            self._active = [each for each in self._active if each is not mischief]

    def forget_heads(self) -> None:
        """What was the head on a chain that is gone is no old head of this one."""
        self._heads.seen.clear()

    # ----------------------------------------------------------------------------------------------------- its thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._line, "127.0.0.1", self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (body := await _read(reader)) is not None:
                await self._exchange(body, writer)
        except (_Hung, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The line, or the whole run, ends here.
            return
        finally:
            writer.close()

    async def _exchange(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        """One request and its answer. Raises _Hung where the line is to be cut."""
        active = self._active
        hit = self._rng.choice(active) if active and self._rng.random() < SHARE else None
        kind = hit.kind if hit is not None else ""
        if kind == "answer stale" and self._heads.old(self._rng) is None:
            hit, kind = None, ""
        if hit is not None:
            hit.hits += 1
        if kind == "request dropped":
            raise _Hung
        if kind in ("answer 429", "answer 500"):
            await _write(writer, b"try again later", status=int(kind[-3:]))
            return
        if kind == "request delayed":
            await asyncio.sleep(self._rng.uniform(0.2, 2.5))
        if kind == "requests reordered":
            await asyncio.sleep(self._rng.uniform(0.0, 0.6))
        answer = await self._ask(body)
        if kind == "request sent twice":
            answer = await self._ask(body)
        if kind == "answer lost":
            raise _Hung
        self._note_head(body, answer)
        spoil = self._spoilers().get(kind)
        if spoil is not None:
            answer = spoil(body, answer)
        await _write(writer, answer, cut=len(answer) // 2 if kind == "answer cut" else None)
        if kind == "answer cut":
            raise _Hung

    async def _ask(self, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            head = f"POST / HTTP/1.1\r\nHost: chain\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(head.encode() + b"\r\n\r\n" + body)
            answer = await _read(reader)
            if answer is None:
                raise _Hung
            return answer
        finally:
            writer.close()

    # ------------------------------------------------------------------------------------------------ spoiled answers

    def _spoilers(self) -> dict[str, Callable[[bytes, bytes], bytes]]:
        return {
            "answer garbage": self._garbage, "answer stale": self._stale, "answer lacks a field": self._lacking,
            "requests reordered": self._shuffled,
        }  # fmt: skip

    def _garbage(self, _: bytes, answer: bytes) -> bytes:
        return self._rng.choice([
            b"<html><body>502 Bad Gateway</body></html>", answer[: len(answer) // 2], self._rng.randbytes(200), b"",
            b"null", b"[]", b"{}", b'{"jsonrpc":"2.0","id":0,"result":null}', b"[" * 5_000, b'"\\ud800"',
        ])  # fmt: skip

    def _shuffled(self, _: bytes, answer: bytes) -> bytes:
        """A list of answers may come in any order (JSON-RPC 2.0, 6)."""
        found = json.loads(answer)
        if isinstance(found, list):
            self._rng.shuffle(found)
        return json.dumps(found).encode()

    def _lacking(self, _: bytes, answer: bytes) -> bytes:
        found = json.loads(answer)
        places = [each for each in _objects(found) if each]
        if places:
            place = self._rng.choice(places)
            del place[self._rng.choice(sorted(place))]
        return json.dumps(found).encode()

    def _stale(self, body: bytes, answer: bytes) -> bytes:
        """What a node would have said that has not seen the newest blocks."""
        head = self._heads.old(self._rng)
        if head is None:
            return answer
        asked, found = json.loads(body), json.loads(answer)
        questions = {each["id"]: each for each in (asked if isinstance(asked, list) else [asked])}
        for each in found if isinstance(found, list) else [found]:
            question, result = questions.get(each.get("id"), {}), each.get("result")
            if _asks_head(question):
                each["result"] = head
            elif isinstance(result, dict) and question["method"] != "eth_feeHistory":
                number = result.get("blockNumber") or result.get("number")
                if isinstance(number, str) and int(number, 16) > int(head["number"], 16):
                    each["result"] = None
        return json.dumps(found).encode()

    def _note_head(self, body: bytes, answer: bytes) -> None:
        if b'"latest"' not in body or b"eth_getBlockByNumber" not in body:
            return
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            asked, found = json.loads(body), json.loads(answer)
            questions = {each["id"]: each for each in (asked if isinstance(asked, list) else [asked])}
            for each in found if isinstance(found, list) else [found]:
                if _asks_head(questions[each["id"]]) and each["result"]["number"] and each["result"]["hash"]:
                    self._heads.seen.append((time.monotonic(), each["result"]))


def _asks_head(question: dict[str, Any]) -> bool:
    return question.get("method") == "eth_getBlockByNumber" and question["params"][0] == "latest"


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON value, at any depth."""
    if isinstance(value, dict):
        return [value, *(found for each in value.values() for found in _objects(each))]
    return [found for each in value for found in _objects(each)] if isinstance(value, list) else []


# ----------------------------------------------------------------------------------------------------------- HTTP/1.1


async def _read(reader: asyncio.StreamReader) -> bytes | None:
    """The next message's body; None where the line has ended. Both sides name its length."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    lines = head[:HEAD_MAX].lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
    return await reader.readexactly(length)


async def _write(writer: asyncio.StreamWriter, body: bytes, *, status: int = 200, cut: int | None = None) -> None:
    head = f"HTTP/1.1 {status} Spoken\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body[:cut])
    await writer.drain()
