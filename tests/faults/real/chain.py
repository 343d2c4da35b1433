"""The chain of a run: a real Anvil that is told when to mine, and made to take blocks back.

It is asked over plain HTTP, and none of the code under test takes part: the checker looks at it from here.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.conftest import CHECKOUT, free_port
from tests.faults.real.processes import Service

CHAIN_ID = 952_031
LOGS_BLOCKS = 2_000


class NodeRefused(Exception):
    """Anvil has answered with an error."""


class RealChain:
    """An Anvil, and the thread that has it mine a block every `block_s` seconds at the time of day."""

    def __init__(self, folder: Path, block_s: float) -> None:
        (binary,) = (CHECKOUT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil")
        self.port, self._block_s = free_port(), block_s
        home = folder / "anvil"
        home.mkdir()
        self.service = Service(
            "anvil",
            [binary, "--port", str(self.port), "--chain-id", str(CHAIN_ID), "--silent", "--no-mining", "--accounts=0",
             "--order=fifo"],
            home, {"HOME": str(home)}, folder / "anvil.log",
        )  # fmt: skip
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._miner = threading.Thread(target=self._mine_on, name="miner", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.service.start()
        for _ in range(200):
            with suppress(OSError):
                self.rpc("eth_chainId")
                break
            time.sleep(0.05)
        self._miner.start()

    def stop(self) -> None:
        self._stop.set()
        if self._miner.ident is not None:
            self._miner.join()
        self.service.kill()

    def rpc(self, method: str, *params: object) -> Any:
        """One answer. Raises NodeRefused, OSError."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            reply = json.load(answer)
        if "error" in reply:
            raise NodeRefused(f"{method}: {reply['error']}")
        return reply["result"]

    def head(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def await_blocks(self, count: int) -> None:
        wanted = self.head() + count
        while self.head() < wanted:
            time.sleep(self._block_s / 4)

    def reorganise(self, depth: int) -> None:
        """The newest `depth` blocks are others now, and empty; what was in them is in no block any more."""
        with self._lock:
            self.rpc("anvil_reorg", depth, [])

    def snapshot(self) -> Any:
        with self._lock:
            return self.rpc("evm_snapshot")

    def roll_back(self, snapshot: Any) -> int:
        """The chain is as it was then. How many blocks it has lost."""
        with self._lock:
            before = self.head()
            if self.rpc("evm_revert", snapshot) is not True:
                raise NodeRefused("evm_revert")
            lost = before - self.head()
            self._mine()
            return lost

    def logs(self, address: str) -> list[dict[str, Any]]:
        """All that a contract has ever said on the chain as it is now."""
        found: list[dict[str, Any]] = []
        for first in range(0, self.head() + 1, LOGS_BLOCKS):
            span = {"address": address, "fromBlock": hex(first), "toBlock": hex(first + LOGS_BLOCKS - 1)}
            found += self.rpc("eth_getLogs", span)
        return found

    def call(self, to: str, data: bytes) -> bytes:
        return bytes.fromhex(self.rpc("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")[2:])

    def _mine_on(self) -> None:
        while not self._stop.wait(self._block_s):
            with self._lock:
                self._mine()

    def _mine(self) -> None:
        last = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.rpc("evm_mine", {"timestamp": max(last, int(time.time()))})
