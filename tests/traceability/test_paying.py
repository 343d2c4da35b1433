"""attesting_call: whether an attestation's transaction pays too, and whom.

attesting_call
├── given it agrees a delivery with no window         settles, and collects for each who gets something
├── given others have to agree first, or may dispute  attests alone
└── given paying is not wanted                        attests alone
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode

from ledger.book import Book, OrderState
from ledger.escrow import Accepted, Attested, Disputed, EscrowLog, Funded, LogPlace, Proposed, ReceivableMoved
from ledger.orders import (
    REST,
    Attestation,
    Evidence,
    Milestone,
    Split,
    Terms,
    attest_call,
    collect_call,
    multicall,
    settle_call,
)
from tests.traceability.nodes import GROWER, ROASTER, key
from tests.traceability.orders import AT_S, DOCUMENT, DUE_AT, INSPECTOR, ORDER, RECORD, TOKEN, terms_of
from traceability.paying import attesting_call, creditors_at_once

BUYER, SELLER = ROASTER.address, GROWER.address
COOPERATIVE, BANK = key("cooperative").address, key("bank").address
PLACE = LogPlace(1, 0, AT_S, b"\x07" * 32)
DELIVERY = b"\x0e" * 32
ONE = Milestone(1_000_00, 15_000, 0b01, 1, DUE_AT, grace_s=86_400, late_bps=50, late_cap_bps=500)
TWO = replace(ONE, attestor_mask=0b11, threshold=2, deduction_cap_bps=1_000)
SAID = Attestation(ORDER, 0, DELIVERY, RECORD, AT_S, 15_000, 0)
EVIDENCE = Evidence(b"\x01" * 65, (b"\x02" * 32,), b"\x03" * 32)


def funded(milestone: Milestone, *logs: EscrowLog, **changes: object) -> OrderState:
    terms: Terms = replace(terms_of(DOCUMENT, milestone), **changes)  # type: ignore[arg-type]
    first = [
        Proposed(PLACE, ORDER, BUYER, SELLER, 0, terms),
        Accepted(PLACE, ORDER),
        Funded(PLACE, ORDER, BUYER, terms.amount),
    ]
    return Book([*first, *logs]).orders[ORDER]


def inspector_said(accepted: int = 15_000, deduction_bps: int = 0, happened_at: int = AT_S) -> Attested:
    who = INSPECTOR.address
    return Attested(PLACE, ORDER, 0, DELIVERY, who, who, b"\xed" * 32, happened_at, accepted, deduction_bps)


class TestWhoIsPaidAtOnce:
    def test_the_seller_alone_where_nothing_is_taken_off(self) -> None:
        assert creditors_at_once(funded(ONE), SAID, BUYER) == [SELLER]

    def test_splits_too_and_the_buyer_where_it_is_late(self) -> None:
        state = funded(ONE, splits=(Split(COOPERATIVE, 250),))
        late = replace(SAID, happened_at=DUE_AT + 1)
        assert creditors_at_once(state, late, BUYER) == [SELLER, COOPERATIVE, BUYER]

    def test_whoever_holds_the_receivable_in_the_sellers_place(self) -> None:
        state = funded(ONE, ReceivableMoved(PLACE, ORDER, bytes(20), BANK))
        assert creditors_at_once(state, SAID, BUYER) == [BANK]

    def test_nobody_where_a_share_is_rounded_to_nothing(self) -> None:
        state = funded(replace(ONE, amount=30), splits=(Split(COOPERATIVE, 250),))
        assert creditors_at_once(state, SAID, BUYER) == [SELLER]

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            (funded(replace(ONE, window_s=1)), SAID),
            (funded(ONE, Disputed(PLACE, ORDER, 0, REST, BUYER)), SAID),
            (funded(ONE), replace(SAID, accepted=0)),
            (funded(replace(ONE, amount=1)), replace(SAID, accepted=1)),
            (funded(TWO), SAID),
            (funded(TWO, inspector_said(14_999)), SAID),
            (funded(TWO, inspector_said(deduction_bps=900)), SAID),
            (funded(TWO, inspector_said()), replace(SAID, delivery=b"\x0f" * 32)),
        ],
        ids=["window", "disputed rest", "nothing accepted", "nothing taken", "one of two", "other quantity",
             "other deduction", "other delivery"],
    )  # fmt: skip
    def test_nobody_yet(self, state: OrderState, said: Attestation) -> None:
        assert creditors_at_once(state, said, BUYER) == []

    def test_deductions_above_the_cap_are_equal_as_the_contract_compares_them(self) -> None:
        state = funded(TWO, inspector_said(deduction_bps=2_000))
        assert creditors_at_once(state, replace(SAID, deduction_bps=1_000), BUYER) == [SELLER, BUYER]

    def test_the_earliest_time_that_was_stated_decides_what_is_late(self) -> None:
        late = replace(SAID, happened_at=DUE_AT + 1)
        assert creditors_at_once(funded(TWO, inspector_said()), late, BUYER) == [SELLER]
        assert creditors_at_once(funded(TWO, inspector_said(happened_at=DUE_AT + 9)), late, BUYER) == [SELLER, BUYER]


class TestCalls:
    def test_attest_settle_and_collect_are_one_transaction(self) -> None:
        calls = [
            attest_call(SAID, b"\x04" * 65, EVIDENCE),
            settle_call(ORDER, 0, DELIVERY),
            collect_call(TOKEN, SELLER),
        ]
        data = attesting_call(funded(ONE), SAID, BUYER, b"\x04" * 65, EVIDENCE, pays=True)
        assert data == multicall(calls)
        assert list(decode(["bytes[]"], data[4:])[0]) == calls

    def test_without_paying_it_attests_and_nothing_else(self) -> None:
        data = attesting_call(funded(ONE), SAID, BUYER, b"\x04" * 65, EVIDENCE, pays=False)
        assert data == attest_call(SAID, b"\x04" * 65, EVIDENCE)
