"""What lies between the product's chain client and the node: in the place of web3's provider, and it loses things.

The client's own judgement of answers (ids, refusals, malformed values) is under test like the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.chain import Chain
from ledger.rpc import Question, Rpc
from tests.faults.simulation.chain import SeededChain
from tests.faults.simulation.faults import QUESTIONS, SENDINGS, Crash, Fault, Faults

SEND = "eth_sendRawTransaction"
_BUSY = {"code": -32603, "message": "internal error"}
_LAG_MAX = 4
NOBODYS = ["0x" + 40 * "0"]


@dataclass
class Network:
    """`fork` and `other_worker` are what may happen between a question and its answer."""

    chain: SeededChain
    faults: Faults
    fork: Callable[[], None] = lambda: None
    other_worker: Callable[[], None] = lambda: None
    lag: int = 0
    request_counter: Iterator[int] = field(default_factory=itertools.count)
    _is_beside: bool = False

    @property
    def provider(self) -> Network:
        """As ledger.rpc asks for it."""
        return self

    def make_request(self, method: str, params: Sequence[Any]) -> Any:
        """One question, as web3's provider takes it. Raises OSError where no answer comes."""
        found = self._exchange([(method, params)])
        return found[0] if isinstance(found, list) and len(found) == 1 else found

    def make_batch_request(self, questions: Sequence[Question]) -> Any:
        """Several questions at once."""
        return self._exchange(questions)

    # ------------------------------------------------------------------------------------------------------- inside

    def _exchange(self, questions: Sequence[Question]) -> Any:
        numbered = [(next(self.request_counter), method, list(params)) for method, params in questions]
        is_sending = questions[0][0] == SEND
        beside = (Fault.OTHER_WORKER,) if self._is_beside else ()
        fault = self.faults.draw(SENDINGS if is_sending else QUESTIONS, without=beside)
        if fault is not None:
            self.faults.say(f"    at {questions[0][0]} x {len(questions)}")
        self._before(fault)
        if is_sending and fault in (Fault.DROPPED, Fault.DELAYED):
            return self._not_sent(fault, numbered)
        lag = self.faults.random.randint(1, _LAG_MAX) if fault is Fault.STALE else self.lag
        answers = self._answered(numbered, lag)
        if fault is Fault.DUPLICATED:
            answers = self._answered(numbered, lag)
        return self._after(fault, answers)

    def _before(self, fault: Fault | None) -> None:
        match fault:
            case Fault.UNREACHABLE:
                raise OSError("connection refused")
            case Fault.REFUSED:
                raise OSError("status 429")
            case Fault.CRASH_BEFORE_QUESTION:
                raise Crash
            case Fault.BLOCK_BETWEEN:
                self.chain.mine()
            case Fault.FORK_BETWEEN:
                self.fork()
            case Fault.OTHER_WORKER:
                self._is_beside = True
                try:
                    self.other_worker()
                finally:
                    self._is_beside = False

    def _after(self, fault: Fault | None, answers: list[Any]) -> Any:
        match fault:
            case Fault.LOST_ANSWER:
                raise OSError("connection reset")
            case Fault.CRASH_AFTER_ANSWER:
                raise Crash
            case Fault.GARBAGE:
                return self._garbage(answers)
        return answers

    def _garbage(self, answers: list[Any]) -> Any:
        """Something that is no answer to what was asked."""
        match self.faults.random.randrange(6):
            case 0:
                return [{**answer, "id": answer["id"] - 1} for answer in answers]
            case 1:
                return answers[1:]
            case 2:
                return [{"jsonrpc": "2.0", "id": answer["id"], "result": {}} for answer in answers]
            case 3:
                return [{"jsonrpc": "2.0", "id": answer["id"]} for answer in answers]
            case 4:
                return [{"jsonrpc": "2.0", "id": answer["id"], "error": _BUSY} for answer in answers]
        return "<html>502</html>"

    def _not_sent(self, fault: Fault, numbered: Sequence[tuple[int, str, list[Any]]]) -> list[Any]:
        """The node says that it has what it has not, or not yet."""
        ((number, _, (raw,)),) = numbered
        if fault is Fault.DELAYED:
            self.chain.delayed.append(raw)
        return [{"jsonrpc": "2.0", "id": number, "result": "0x" + 64 * "0"}]

    def _answered(self, numbered: Sequence[tuple[int, str, list[Any]]], lag: int) -> list[Any]:
        if numbered[0][1] == SEND:
            return [{**self.chain.take(raw), "id": number} for number, _, (raw,) in numbered]
        seen = max(self.chain.base, self.chain.head - lag)
        asked = [_as_of(seen, method, params) if lag else (method, params) for _, method, params in numbered]
        found = self.chain.wire.exchange([
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for (number, _, _), (method, params) in zip(numbered, asked, strict=True)
        ])  # fmt: skip
        return [_not_later(seen, answer) for answer in found] if lag else list(found)


def _as_of(seen: int, method: str, params: list[Any]) -> tuple[str, list[Any]]:  # noqa: PLR0911 - a table
    """The question, so that its answer is what was so at block `seen`. The next block's time is the present one."""
    head = hex(seen)
    match method, params:
        case "eth_getBlockByNumber", ["latest", full]:
            return method, [head, full]
        case "eth_getBlockByNumber", [tag, full] if tag != "pending" and int(tag, 16) > seen:
            return method, [hex(2**40), full]
        case "eth_getLogs", [{"toBlock": last, **where}] if int(last, 16) > seen:
            if int(where["fromBlock"], 16) > seen:
                return method, [{**where, "fromBlock": head, "toBlock": head, "address": NOBODYS}]
            return method, [{**where, "toBlock": head}]
        case "eth_getTransactionCount" | "eth_estimateGas" | "eth_getCode", [subject, "latest" | "pending"]:
            return method, [subject, head]
        case "eth_getTransactionCount" | "eth_call", [subject, tag] if int(tag, 16) > seen:
            return method, [subject, hex(2**40)]
    return method, params


def _not_later(seen: int, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, without what came after block `seen`."""
    result = answer.get("result")
    if isinstance(result, dict) and int(result.get("blockNumber") or "0x0", 16) > seen:
        return {**answer, "result": None}
    if isinstance(result, list) and any(int(log["blockNumber"], 16) > seen for log in result):
        # A range ends before it. So it was asked for by its hash, which that node does not know (EIP-234).
        return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32000, "message": "unknown block"}}
    return answer


class _Client(Rpc):
    """The product's client over that network instead of HTTP."""

    def __init__(self, network: Network) -> None:
        super().__init__("http://simulated.example", timeout_s=1)
        self._network = network

    def _line(self) -> Any:
        return self._network


class NetworkedChain(Chain):
    """The product's chain, asked over that network."""

    def __init__(self, network: Network, chain_id: int) -> None:
        super().__init__("http://simulated.example", chain_id)
        self._rpc = _Client(network)
