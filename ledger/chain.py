"""One chain: what it is, what it holds, and how to hand it something. Every failure is a ChainError with a reason.

Nothing is retried here: whoever calls is a step that will come again.
https://ethereum.org/developers/docs/apis/json-rpc
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.abi import interface
from ledger.answers import Standing, StandingQuestion
from ledger.errors import ChainError, ChainReason, InvalidHex
from ledger.finality import Link
from ledger.hexadecimal import from_hex, to_address, to_hex
from ledger.rpc import Question, Rpc, granted

TIMEOUT_S = 10.0
_FEE_QUESTIONS: list[Question] = [("eth_gasPrice", []), ("eth_getBlockByNumber", ["latest", False])]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Block(Link):
    """A block's header: how it is linked, and its base fee in wei a gas."""

    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a chain ends: its newest block, and the time in seconds of one that would follow it now.

    `finalized` is the newest block that the chain calls so, where that was asked for; None where it names none.
    """

    head: Block
    next_at: int
    finalized: Block | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """One log as the chain gives it, and where it stands."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction. `contract` is the account it created, if it created one."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    is_success: bool
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class Call:
    """A question to a contract: whom, and the calldata."""

    to: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Fees:
    """What is usual now, in wei a gas: the tip, and the newest block's base fee."""

    tip_wei: int
    base_fee_wei: int

    @property
    def max_fee_wei(self) -> int:
        """Enough for the base fee to double: six full blocks on end."""
        return 2 * self.base_fee_wei + self.tip_wei


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is needed to sign a transaction: its gas, the usual fees, and its sender's count, the pool included."""

    gas: int
    fees: Fees
    sender_count: int


class Chain:
    """A chain by its address and id. Threads may share one."""

    def __init__(self, rpc_url: str, chain_id: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self.rpc_url, self.chain_id = rpc_url, chain_id
        self._rpc = Rpc(rpc_url, timeout_s=timeout_s)
        self.name = self._rpc.name

    # ------------------------------------------------------------------------------------------------- what it is

    @staticmethod
    def found_at(rpc_url: str) -> Chain:
        """The chain at that address, whichever it is: for a verifier who trusts whoever chose the address."""
        (chain_id,) = Chain(rpc_url, 0)._ask([("eth_chainId", [])], _integer)
        return Chain(rpc_url, chain_id)

    def check_id(self) -> None:
        """Returns nothing where the chain at the address is the one meant. Raises ChainError(wrong_chain)."""
        (found,) = self._ask([("eth_chainId", [])], _integer)
        if found != self.chain_id:
            raise ChainError(
                ChainReason.WRONG_CHAIN,
                f"{self.name} is chain {found}, this node belongs to chain {self.chain_id}: correct the address",
            )

    def has_code(self, addresses: Sequence[bytes]) -> list[bool]:
        """For each account whether a contract stands there."""
        return self._ask(
            [("eth_getCode", [to_hex(a), "latest"]) for a in addresses], lambda code: code not in (None, "0x")
        )

    # ------------------------------------------------------------------------------------------------ what it holds

    def head(self) -> Block:
        """The newest block."""
        return self._ask([("eth_getBlockByNumber", ["latest", False])], _block)[0]

    def tip(self, *, with_finalized: bool = False) -> Tip:
        """The chain's end, in one request. The next block's time is what the node says, never our own clock.

        It is the newest block's where the node does not say. What the node calls `finalized` is no block where it
        knows none: not yet, or it does not know the tag (https://ethereum.github.io/execution-apis, Block tag).
        """
        tags = ("latest", "pending", "finalized") if with_finalized else ("latest", "pending")
        newest, *others = self._rpc.ask_each([("eth_getBlockByNumber", [tag, False]) for tag in tags])
        head = _parsed(_block, *granted([newest]))
        pending, *tagged = (None if isinstance(found, ChainError) else found for found in others)
        next_at = head.at if pending is None else _parsed(lambda block: _count(block["timestamp"]), pending)
        finalized = _parsed(_or_none(_block), tagged[0]) if tagged else None
        return Tip(head, max(head.at, next_at), finalized)

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """The blocks of these numbers, None where the chain is not that long."""
        return self._ask([("eth_getBlockByNumber", [hex(n), False]) for n in numbers], _or_none(_block))

    def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[Log]:
        """What these contracts said from block `first` to block `last`, in chain order. Raises ChainError(too_much).

        A node that has no block `last` yet gives what it has, without a word. Behind one address there may be several,
        so whoever answers is asked for that block in the same request.
        """
        where = {"fromBlock": hex(first), "toBlock": hex(last)}
        found, block = self._rpc.ask([_logs_question(where, addresses), ("eth_getBlockByNumber", [hex(last), False])])
        if block is None:
            raise ChainError(ChainReason.BAD_ANSWER, f"{self.name} was asked for logs up to a block that it has not")
        return self._logs(found, addresses, range(first, last + 1))

    def logs_of_block(self, addresses: Sequence[bytes], block_hash: bytes) -> list[Log]:
        """What these contracts said in the block of that hash, whatever has happened to it since."""
        (found,) = self._rpc.ask([_logs_question({"blockHash": to_hex(block_hash)}, addresses)])
        return self._logs(found, addresses)

    def call(self, calls: Sequence[Call], block: int) -> list[bytes]:
        """The contracts' answers at that block. Raises ChainError(reverted) if one refuses."""
        return self._ask([("eth_call", [_call(call), hex(block)]) for call in calls], _data)

    def transaction_counts(self, senders: Sequence[bytes], block: int | None = None) -> list[int]:
        """How many transactions of each sender are in the chain up to that block (None: and in the node's pool)."""
        tag = "pending" if block is None else hex(block)
        return self._ask([("eth_getTransactionCount", [to_hex(s), tag]) for s in senders], _integer)

    def receipts(self, hashes: Sequence[bytes]) -> list[Receipt | None]:
        """For each transaction what became of it, None where it is in no block."""
        return self._ask([("eth_getTransactionReceipt", [to_hex(h)]) for h in hashes], _or_none(_receipt))

    # ---------------------------------------------------------------------------------------------------- to send

    def prepare(self, sender: bytes, to: bytes | None, data: bytes) -> Prepared:
        """What that transaction takes. Raises ChainError(reverted) where it fails at the newest block and in the next.

        In the next, for a key that was authorised in the newest block stands from a second later, and maybe no other
        block comes before ours.
        """
        request = {"from": to_hex(sender), "data": to_hex(data)} | ({"to": to_hex(to)} if to is not None else {})
        questions: list[Question] = [
            ("eth_estimateGas", [request, "latest"]),
            ("eth_estimateGas", [request, "pending"]),
            ("eth_getTransactionCount", [to_hex(sender), "pending"]),
            *_FEE_QUESTIONS,
        ]
        at_newest, next_to_it, *others = self._rpc.ask_each(questions)
        is_next_alone = isinstance(at_newest, ChainError) and not isinstance(next_to_it, ChainError)
        gas = next_to_it if is_next_alone else at_newest
        gas, count, price, head = granted([gas, *others])
        return Prepared(_parsed(_integer, gas), _fees(price, head), _parsed(_integer, count))

    def fees(self) -> Fees:
        """What is usual now. The tip is what the node's gas price leaves above the base fee: 0 where all is free."""
        return _fees(*self._rpc.ask(_FEE_QUESTIONS))

    def send(self, raw: bytes) -> None:
        """Hands in a signed transaction. One that the node holds already is a success. Raises ChainError."""
        try:
            self._rpc.ask([("eth_sendRawTransaction", [to_hex(raw)])])
        except ChainError as error:
            if error.reason is not ChainReason.ALREADY_KNOWN:
                raise

    # ---------------------------------------------------------------------------------------------------- inside

    def _logs(self, found: Any, addresses: Sequence[bytes], numbers: range | None = None) -> list[Log]:
        """The logs that were asked for, in chain order. Raises ChainError where there are others among them."""
        logs = [_parsed(_log, item) for item in _parsed(_list, found)]
        if any(log.address not in addresses or (numbers and log.block_number not in numbers) for log in logs):
            raise ChainError(ChainReason.BAD_ANSWER, f"{self.name} gives logs that were not asked for")
        return sorted(logs, key=lambda log: (log.block_number, log.index))

    def _ask(self, questions: Sequence[Question], read: Callable[[Any], _T]) -> list[_T]:
        """The answers in the order of the questions, each read by `read`. Raises ChainError."""
        return [_parsed(read, value) for value in self._rpc.ask(questions)]


class ChainView:
    """The two contracts' answers at one block (ledger.answers.ChainAnswers). Made by `ChainView.at_block`."""

    def __init__(self, chain: Chain, event_log: bytes, party_registry: bytes, block: Block) -> None:
        self._chain, self._event_log, self._registry, self._block = chain, event_log, party_registry, block

    @staticmethod
    def newest(
        chain: Chain, event_log: bytes, party_registry: bytes, *, confirmations: int = 1, by_tag: bool = False
    ) -> ChainView:
        """The view at the newest block that is final: after so many confirmations (the block itself counts).

        With `by_tag` it is the one that the chain calls `finalized`. Raises ChainError where it names none.
        """
        if by_tag:
            finalized = chain.tip(with_finalized=True).finalized
            if finalized is None:
                raise ChainError(ChainReason.BAD_ANSWER, f"{chain.name} names no block that is finalized")
            return ChainView(chain, event_log, party_registry, finalized)
        block = chain.head()
        if confirmations > 1:
            (found,) = chain.blocks([max(0, block.number - confirmations + 1)])
            if found is None:
                raise ChainError(ChainReason.BAD_ANSWER, f"{chain.name} has lost a block it had")
            block = found
        return ChainView(chain, event_log, party_registry, block)

    @property
    def block_number(self) -> int:
        """The block at which all answers are read."""
        return self._block.number

    @property
    def now_at(self) -> int:
        """That block's time in seconds."""
        return self._block.at

    def anchored_at(self, roots: Sequence[bytes]) -> list[int]:
        """For each root the time of its anchor in seconds, 0 for never."""
        return self._anchors(roots, self._block.number)

    def anchored_later(self, roots: Sequence[bytes]) -> list[bool]:
        """For each root not anchored at that block whether it is at the newest."""
        return [at != 0 for at in self._anchors(roots, self._chain.head().number)]

    def standing_of(self, questions: Sequence[StandingQuestion]) -> list[Standing]:
        """For each question whom the signer stood for, as PartyRegistry says."""
        arguments = [(q.signer, q.use, q.at, q.sequence) for q in questions]
        answers = self._call(self._registry, "PartyRegistry", "standingOf", arguments, self._block.number)
        return [Standing(party if any(party) else None, disowned) for party, disowned in answers]

    def withdrawn_at(self, questions: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """For each (party, record hash) the time of its withdrawal in seconds, 0 for never."""
        answers = self._call(self._event_log, "EventLog", "withdrawnAt", questions, self._block.number)
        return [int(answer[0]) for answer in answers]

    def _anchors(self, roots: Sequence[bytes], block: int) -> list[int]:
        answers = self._call(self._event_log, "EventLog", "anchorOf", [(root,) for root in roots], block)
        return [int(answer[1]) for answer in answers]

    def _call(
        self, contract: bytes, name: str, function: str, arguments: Sequence[tuple[Any, ...]], block: int
    ) -> list[tuple[Any, ...]]:
        face = interface(name)
        answers = self._chain.call([Call(contract, face.call(function, *values)) for values in arguments], block)
        if b"" in answers:
            raise ChainError(
                ChainReason.NO_CONTRACT, f"no {name} at {to_address(contract)} at block {block}, or not yet"
            )
        return [_parsed(lambda data: face.answer(function, data), answer) for answer in answers]


# ------------------------------------------------------------------------------------------------- reading answers


def _parsed(read: Callable[[Any], _T], value: Any) -> _T:
    try:
        return read(value)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidHex) as error:
        raise ChainError(ChainReason.BAD_ANSWER, f"an answer that can't be read: {str(value)[:200]}") from error


def _fees(price: Any, head: Any) -> Fees:
    base_fee_wei = _parsed(_block, head).base_fee_wei
    return Fees(max(0, _parsed(_integer, price) - base_fee_wei), base_fee_wei)


def _or_none(read: Callable[[Any], _T]) -> Callable[[Any], _T | None]:
    return lambda value: None if value is None else read(value)


def _integer(value: Any) -> int:
    return int(value, 16)


def _count(value: Any) -> int:
    """A number that a database column holds: of a block, or a time in seconds."""
    number = _integer(value)
    if not 0 <= number < 2**63:
        raise ValueError("out of range")
    return number


def _data(value: Any) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _block(value: Any) -> Block:
    return Block(
        number=_count(value["number"]),
        hash=from_hex(value["hash"], 32),
        parent=from_hex(value["parentHash"], 32),
        at=_count(value["timestamp"]),
        base_fee_wei=_integer(value.get("baseFeePerGas") or "0x0"),
    )


def _log(value: Any) -> Log:
    return Log(
        address=from_hex(value["address"].lower(), 20),
        topics=tuple(from_hex(topic, 32) for topic in value["topics"]),
        data=_data(value["data"]),
        block_number=_count(value["blockNumber"]),
        block_hash=from_hex(value["blockHash"], 32),
        transaction_hash=from_hex(value["transactionHash"], 32),
        index=_count(value["logIndex"]),
    )


def _receipt(value: Any) -> Receipt:
    contract = value.get("contractAddress")
    return Receipt(
        transaction_hash=from_hex(value["transactionHash"], 32),
        block_number=_count(value["blockNumber"]),
        block_hash=from_hex(value["blockHash"], 32),
        is_success=_integer(value["status"]) == 1,
        contract=None if contract is None else from_hex(contract.lower(), 20),
    )


def _logs_question(where: dict[str, str], addresses: Sequence[bytes]) -> Question:
    return "eth_getLogs", [{**where, "address": [to_hex(address) for address in addresses]}]


def _call(call: Call) -> dict[str, str]:
    return {"to": to_hex(call.to), "data": to_hex(call.data)}
