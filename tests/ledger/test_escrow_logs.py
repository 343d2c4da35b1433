"""Logs read by their fixed layouts: what the interface's description says of the same bytes, and nothing of others."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger.abi import _type, interface
from ledger.errors import UnknownLog
from ledger.escrow import EscrowLog, LogPlace, Proposed
from ledger.escrowlogs import _ESCROW_EVENTS, LogKind, RawLog, kind_of, read
from ledger.orders import Milestone, Split, Terms

ESCROW, TOKEN = interface("DeliveryEscrow"), b"\x05" * 20
PLACE = LogPlace(7, 3, 1_800_000_000, b"\x01" * 32)
OURS = {
    "from": "account", "recordHash": "record_hash", "happenedAt": "happened_at", "deductionBps": "deduction_bps",
    "disputableUntil": "disputable_until", "toPayee": "to_payee", "toSplits": "to_splits", "toBuyer": "to_buyer",
}  # fmt: skip
"""Where our name is another."""


def values_of(kind: str) -> st.SearchStrategy[Any]:
    """Values that the chain may put there."""
    if kind == "address":
        return st.binary(min_size=20, max_size=20)
    if kind == "bytes32":
        return st.binary(min_size=32, max_size=32)
    return st.integers(0, 4 if kind == "uint8" else 2 ** int(kind.removeprefix("uint")) - 1)


@st.composite
def logs(draw: st.DrawFn, name: str) -> tuple[list[bytes], bytes]:
    """Topics and data of an event, encoded by eth-abi."""
    inputs = ESCROW._event_by_name[name]["inputs"]
    drawn = [(each, draw(values_of(each["type"]))) for each in inputs]
    topics = [ESCROW.topic(name)] + [encode([each["type"]], [value]) for each, value in drawn if each["indexed"]]
    plain = [(each["type"], value) for each, value in drawn if not each["indexed"]]
    return topics, encode([kind for kind, _ in plain], [value for _, value in plain])


def said(topics: list[bytes], data: bytes) -> EscrowLog:
    kind = kind_of("DeliveryEscrow", topics)
    assert kind is not None
    return read(RawLog(PLACE, kind, None, b"".join(topics), data))


@pytest.mark.parametrize("name", [name for name in _ESCROW_EVENTS if name != "OrderProposed"])
@given(data=st.data())
def test_a_log_says_what_the_interface_says(name: str, data: st.DataObject) -> None:
    topics, body = data.draw(logs(name))
    log = said(topics, body)
    _, arguments = ESCROW.log(topics, body)
    assert log.place == PLACE
    assert log._asdict() == {"place": PLACE} | {OURS.get(key, key): value for key, value in arguments.items()}


addresses, small = st.binary(min_size=20, max_size=20), st.integers(0, 2**16 - 1)
milestones = st.builds(
    Milestone, st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1), st.integers(0, 255), st.integers(0, 255),
    st.integers(0, 2**64 - 1), *[st.integers(0, 2**32 - 1)] * 3, small, small, small,
)  # fmt: skip
terms = st.builds(
    Terms, addresses, addresses, addresses, st.binary(min_size=32, max_size=32), addresses, st.integers(0, 2**64 - 1),
    st.lists(st.builds(Split, addresses, small), max_size=8).map(tuple), st.lists(addresses, max_size=8).map(tuple),
    st.lists(milestones, max_size=16).map(tuple),
)  # fmt: skip


@given(terms, st.integers(0, 2**256 - 1))
def test_a_proposal_brings_all_its_terms(proposed: Terms, nonce: int) -> None:
    event = ESCROW._event_by_name["OrderProposed"]["inputs"]
    assert [each["type"] for each in event] == ["bytes32", "address", "address", "uint256", "tuple"]
    topics = [ESCROW.topic("OrderProposed"), b"\2" * 32, *(bytes(12) + p for p in (proposed.buyer, proposed.seller))]
    log = said(topics, encode(["uint256", _type(event[4])], [nonce, proposed.members]))
    assert log == Proposed(PLACE, b"\2" * 32, proposed.buyer, proposed.seller, nonce, proposed)


@pytest.mark.parametrize("kind", list(LogKind))
@given(topics=st.binary(max_size=140), data=st.binary(max_size=700))
def test_what_is_not_encoded_as_it_says_is_an_unknown_log(kind: LogKind, topics: bytes, data: bytes) -> None:
    try:
        read(RawLog(PLACE, kind, TOKEN, topics, data))
    except UnknownLog as error:
        assert f"kind {kind}" in str(error)


def test_an_event_that_the_escrow_has_not_is_unknown_and_other_words_of_a_token_are_nothing() -> None:
    with pytest.raises(UnknownLog, match="no event of the escrow has the topic"):
        kind_of("DeliveryEscrow", [rb"\9" * 32])
    with pytest.raises(UnknownLog, match=r"\(none\)"):
        kind_of("DeliveryEscrow", [])
    approval = interface("SettlementToken").topic("Approval")
    assert kind_of("token", [approval]) is kind_of("Receivable", [approval]) is kind_of("token", []) is None


def test_a_transfer_is_the_receivables_or_the_tokens() -> None:
    topic = interface("SettlementToken").topic("Transfer")
    assert kind_of("token", [topic]) is LogKind.TOKEN_MOVED
    assert kind_of("Receivable", [topic]) is LogKind.RECEIVABLE_MOVED
    with pytest.raises(UnknownLog, match="with 4 topics"):
        read(RawLog(PLACE, LogKind.TOKEN_MOVED, TOKEN, topic * 4, bytes(32)))
