"""The chain of a simulation: a real Anvil that does nothing by itself. Blocks, forks and fees come when they are drawn.

A fork takes blocks back and mines others, with some of their transactions, in another order. What the pool held may be
forgotten with them, as nodes do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.simulation.wire import Wire

GWEI = 10**9
SPIKE_WEI = 80 * GWEI
FORK_MAX = 12


@dataclass
class SeededChain:
    """Blocks from number `base` on are this seed's. `people` are transactions that somebody sends again until they
    are mined. `now` is the time of the world, in seconds; a block's is never earlier than that of the one before."""

    wire: Wire
    random: Random
    base: int
    now: int
    head: int = field(init=False)
    head_at: int = field(init=False)
    is_spiking: bool = False
    people: list[str] = field(default_factory=list)
    delayed: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    """Transactions that the node took, by hash."""

    def __post_init__(self) -> None:
        self.head, self.head_at = self.base, int(self.block("latest")["timestamp"], 16)

    def block(self, tag: str | int) -> dict[str, Any]:
        """A block with the hashes of its transactions."""
        name = tag if isinstance(tag, str) else hex(tag)
        found: dict[str, Any] = self.wire.call("eth_getBlockByNumber", name, False)
        return found

    def take(self, raw: str) -> dict[str, Any]:
        """Hands a transaction to the node; its answer."""
        question = {"jsonrpc": "2.0", "id": 0, "method": "eth_sendRawTransaction", "params": [raw]}
        answer: dict[str, Any] = self.wire.exchange(question)
        if "result" in answer:
            self.known[answer["result"]] = raw
        return answer

    def set_time(self, now: int) -> None:
        """The world's time goes on; the node says it of the block that would come next."""
        self.now = max(now, self.now)
        self.wire.call("evm_setNextBlockTimestamp", max(self.now, self.head_at + 1))

    def mine(self, at: int | None = None) -> None:
        """One block, of all that waits."""
        if self.is_spiking:
            self.wire.call("anvil_setNextBlockBaseFeePerGas", hex(SPIKE_WEI))
        self.head_at = max(self.now if at is None else at, self.head_at + 1)
        self.wire.call("evm_mine", {"timestamp": self.head_at})
        self.head += 1
        if not self.is_spiking:
            self.wire.call("evm_setNextBlockTimestamp", max(self.now, self.head_at + 1))

    def spike(self, *, is_on: bool) -> None:
        """Fees rise to where nobody expected them, or fall back to nothing."""
        self.is_spiking = is_on
        self.wire.call("anvil_setNextBlockBaseFeePerGas", hex(SPIKE_WEI if is_on else 0))

    def deliver(self) -> None:
        """What was on its way arrives, and people send again what is in no block."""
        for raw in self.delayed:
            self.take(raw)
        self.delayed.clear()
        for raw in self.people:
            self.take(raw)

    def fork(self, depth: int) -> str:
        """Takes back so many blocks, at most all of this seed's, and mines others. What happened, in words."""
        depth = min(depth, self.head - self.base)
        if depth == 0:
            return "a fork of nothing"
        fallen = [name for number in range(self.head - depth + 1, self.head + 1)
                  for name in self.block(number)["transactions"]]  # fmt: skip
        waiting = self._pool()
        self.wire.call("anvil_dropAllTransactions")
        self.wire.call("anvil_rollback", depth)
        self.head -= depth
        self.head_at = int(self.block("latest")["timestamp"], 16)
        self.wire.call("anvil_setNextBlockBaseFeePerGas", hex(SPIKE_WEI if self.is_spiking else 0))
        likely, in_order = self.random.choice((0.0, 0.6, 1.0)), self.random.random() < 0.5
        kept = [name for name in fallen + waiting if self.random.random() < likely]
        if not in_order:
            self.random.shuffle(kept)
        length = max(0, depth + self.random.choice((-1, 0, 1, 1, 2)))
        for left in range(length, 0, -1):
            share = -(-len(kept) // left)
            for name in kept[:share]:
                self.take(self.known[name])
            kept = kept[share:]
            self.mine(self.head_at + self.random.randint(1, 4))
        for name in kept:
            self.take(self.known[name])
        return f"{depth} blocks with {len(fallen)} transactions give way to {length}, {likely:.0%} likely to stay"

    def _pool(self) -> list[str]:
        """The transactions that wait, oldest sender first."""
        content = self.wire.call("txpool_content")
        return [
            waiting["hash"]
            for part in ("pending", "queued")
            for _, by_nonce in sorted(content[part].items())
            for _, waiting in sorted(by_nonce.items(), key=lambda item: int(item[0]))
        ]
