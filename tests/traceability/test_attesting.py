"""From receipt to payment, on a real chain: what events attest by themselves, and what is left to people.

step
├── given an own event names an order whose terms are here
│   ├── when its record is final and the order funded    attested once, and paid where nobody has to wait
│   ├── when either is not yet so                        waits
│   └── when something stands in the way                 for a person, with the reason
├── given its terms come later                           found all the same
└── given it is declared wrong                           attests no more; undoes nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.engine import Engine
from sqlmodel import col

from ledger.answers import Use
from ledger.database import reading, writing
from ledger.tables import TransactionRow, TransactionState
from tests.databases import Databases
from tests.traceability.market import DAY_S, Company, Market, open_market
from tests.traceability.nodes import GROWER, ROASTER, key
from tests.traceability.orders import (
    DESPATCH_ADVICE,
    DOCUMENT,
    INSPECTOR,
    LABORATORY,
    ROASTERY,
    SACKS,
    inspected,
    kilograms,
    papers,
    received,
)
from traceability.decisions import ByHand, attest_by_hand, dismiss, receipts
from traceability.delivery_reasons import ReasonCode
from traceability.errors import NotAttestable, TermsNotImported, TermsOfNoOrder, TermsOfOtherOrder
from traceability.judging import AttestationState
from traceability.order_terms import terms_document
from traceability.tables import EventReferenceRow, JudgedToRow

_numbers = count(100)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with open_market(tmp_path_factory.mktemp("market")) as market:
        yield market


@pytest.fixture
def market(chain: Market) -> Iterator[Market]:
    """The market of this module with nobody's node in it yet."""
    chain.companies.clear()
    yield chain
    chain.companies.clear()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Makes databases of the usual kind. The first story and that of an older database run on PostgreSQL, too."""
    made = Databases("sqlite", tmp_path, None)
    with ExitStack() as engines:
        yield lambda: engines.enter_context(made.ready())


@pytest.fixture
def roaster(market: Market, sqlite: Callable[[], Engine]) -> Company:
    """The buyer's node: it receives."""
    return market.company(sqlite(), ROASTER)


class Case:
    """A document whose purchase order nobody used before, and events that name it."""

    def __init__(self, market: Market, **changes: Any) -> None:
        self.market, number = market, next(_numbers)
        self.number = f"urn:epcglobal:cbv:bt:9524321000002:PO-{number}"
        references = (self.number, f"urn:epc:id:gdti:9524321.00001.{number}")
        self.document = replace(DOCUMENT, references=references, salt=number.to_bytes(32, "big"), **changes)

    def _named(self, event: dict[str, Any], advice: str) -> dict[str, Any]:
        at = {"eventTime": self.market.at(), "bizTransactionList": papers(("po", self.number), ("desadv", advice))}
        return {**event, **at}

    def received(self, advice: str = DESPATCH_ADVICE, **changes: Any) -> dict[str, Any]:
        return {**self._named(received(), advice), **changes}

    def inspected(self, advice: str = DESPATCH_ADVICE, **changes: Any) -> dict[str, Any]:
        return {**self._named(inspected(), advice), **changes}


def declared_wrong(event: dict[str, Any]) -> dict[str, Any]:
    declaration = {"declarationTime": event["eventTime"], "reason": "incorrect_data"}
    return event | {"errorDeclaration": declaration}


class TestPayment:
    def test_an_ordinary_receiving_event_pays_the_supplier_in_one_transaction(
        self, market: Market, engine: Engine
    ) -> None:
        roaster = market.company(engine, ROASTER)
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        before = market.balance(GROWER.address)
        (record,) = roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        entry = roaster.entry()
        assert (entry.state, entry.reason, entry.milestone) == (AttestationState.COUNTED, None, 0)
        assert (entry.record_hash, entry.accepted, entry.reference) == (record, 15_000, DESPATCH_ADVICE)
        assert market.balance(GROWER.address) - before == 1_000_00
        state = roaster.order(order)
        assert state.attestations[0, entry.delivery or b"", ROASTER.address].record_hash == record
        assert len(roaster.outbox()) == 1
        assert roaster.outbox("settle:") == roaster.outbox("collect:") == []

    def test_what_two_milestones_wait_for_in_one_event_is_paid_for_each(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received(epcList=SACKS[:3]))
        market.pass_by(3)
        assert [(entry.milestone, entry.accepted) for entry in roaster.entries()] == [(0, 15_000), (2, 3)]
        assert roaster.paid(order) == 1_000_00 + 50_00 * 3 // 5

    def test_a_late_delivery_pays_less_and_the_buyer_the_rest_at_once(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        market.pass_by(DAY_S + 100)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        assert roaster.states() == [AttestationState.COUNTED]
        assert (roaster.paid(order), roaster.order(order).returned) == (995_00, 5_00)

    def test_with_a_window_it_attests_and_the_payment_waits(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document, window_s=DAY_S)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        entry = roaster.entry()
        assert entry.state is AttestationState.COUNTED
        assert roaster.paid(order) == 0
        assert roaster.order(order).items[0, entry.delivery or b""].held == 1_000_00

    def test_the_inspectors_node_comes_to_its_attestation_by_terms_file_and_chain_alone(
        self, market: Market, roaster: Company, sqlite: Callable[[], Engine]
    ) -> None:
        laboratory = market.company(sqlite(), INSPECTOR)
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        laboratory.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        laboratory.capture(INSPECTOR, case.inspected(**{"coffee:deductionPercent": 2.5}))
        market.pass_by(3)
        receipt, finding = roaster.entry(), laboratory.entry()
        assert (receipt.delivery, receipt.milestone) == (finding.delivery, 0)
        assert (finding.milestone, finding.deduction_bps, finding.state) == (1, 250, AttestationState.COUNTED)
        assert roaster.paid(order) == 1_000_00 + 195_00
        assert roaster.order(order).attestations == laboratory.order(order).attestations

    def test_two_attestors_on_two_nodes_agree_on_one_delivery(
        self, market: Market, roaster: Company, sqlite: Callable[[], Engine]
    ) -> None:
        laboratory = market.company(sqlite(), INSPECTOR)
        case = Case(market, milestones=(replace(DOCUMENT.milestones[0], read_points=(ROASTERY, LABORATORY)),))
        order, terms = market.propose(case.document, milestones=[market.by_two()])
        market.fund(order, terms)
        market.pass_by()
        for company in (roaster, laboratory):
            company.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        assert roaster.paid(order) == 0
        laboratory.capture(INSPECTOR, case.received(readPoint={"id": LABORATORY}))
        market.pass_by(3)
        assert roaster.paid(order) == 1_000_00
        assert laboratory.outbox("settle:") == roaster.outbox("settle:") == []


class TestWaiting:
    def test_events_that_came_before_the_terms_are_found_by_them(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        assert roaster.entries() == []
        roaster.take_terms(case.document)
        market.pass_by()
        assert roaster.states() == [AttestationState.COUNTED]
        roaster.take_terms(case.document)
        market.pass_by()
        assert len(roaster.entries(order=order)) == 1

    def test_events_that_were_stored_before_references_were_kept_are_found_too(
        self, market: Market, engine: Engine
    ) -> None:
        roaster = market.company(engine, ROASTER)
        case = Case(market)
        market.funded(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3, attests=False)
        with writing(roaster.engine) as session:
            session.execute(delete(EventReferenceRow))
            session.execute(delete(JudgedToRow))
        roaster.take_terms(case.document)
        market.pass_by()
        assert roaster.states() == [AttestationState.COUNTED]

    def test_an_event_waits_for_its_anchor_and_for_the_money(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order, _ = market.propose(case.document)
        market.escrow(GROWER, "accept", order)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        entry = roaster.entry()
        assert entry.state is AttestationState.WAITING
        assert entry.reason is not None
        assert entry.reason.code is ReasonCode.ORDER_NOT_FUNDED
        assert entry.reason.may_pass
        market.escrow(GROWER, "cancel", order)
        market.pass_by()
        assert roaster.states() == [AttestationState.PASSED_OVER]
        assert roaster.outbox() == []

    def test_it_attests_once_the_order_is_funded(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order, terms = market.propose(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        market.fund(order, terms)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        assert roaster.states() == [AttestationState.COUNTED]

    def test_a_scanner_may_record_and_not_attest_so_its_events_wait_for_a_key(
        self, market: Market, sqlite: Callable[[], Engine]
    ) -> None:
        scanner, clerk = key(f"scanner {market.now}"), key(f"clerk {market.now}")
        market.authorise(ROASTER, scanner, Use.RECORD)
        market.authorise(ROASTER, clerk, Use.ATTEST | Use.ANCHOR)
        engine = sqlite()
        company = market.company(engine, GROWER, scanner)
        case = Case(market)
        market.funded(case.document)
        market.pass_by()
        company.take_terms(case.document)
        company.capture(scanner, case.received(), party=ROASTER)
        market.pass_by(3)
        assert company.states() == [AttestationState.WAITING]
        assert "wait" in company.attest().complaints[0]
        market.companies.remove(company)
        staffed = market.company(engine, clerk, scanner)
        market.pass_by()
        assert staffed.states() == [AttestationState.COUNTED]


class TestOnce:
    def test_whatever_is_killed_after_planning_the_same_transaction_goes_out(
        self, market: Market, roaster: Company
    ) -> None:
        case = Case(market)
        market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3, attests=False)
        while roaster.attest().done:
            pass
        assert roaster.states() == [AttestationState.PLANNED]
        (planned,) = roaster.outbox()
        # Another process, or the next life of this one.
        again = market.company(roaster.engine, ROASTER)
        assert again.attest().done == 0
        assert [row.id for row in again.outbox()] == [planned.id]
        market.pass_by()
        assert roaster.states() == [AttestationState.COUNTED]

    def test_an_attestation_that_another_has_submitted_counts_too(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document, window_s=DAY_S)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3, attests=False)
        while roaster.attest().done:
            pass
        (planned,) = roaster.outbox()
        market.act(GROWER, planned.to or b"", planned.data)
        market.pass_by()
        assert roaster.states() == [AttestationState.COUNTED]
        assert len(roaster.order(order).attestations) == 1

    def test_where_settling_can_t_come_along_the_attestation_goes_alone(
        self, market: Market, roaster: Company, sqlite: Callable[[], Engine]
    ) -> None:
        laboratory = market.company(sqlite(), INSPECTOR)
        case = Case(market, milestones=(replace(DOCUMENT.milestones[0], read_points=(ROASTERY, LABORATORY)),))
        order, terms = market.propose(case.document, milestones=[market.by_two()])
        market.fund(order, terms)
        market.pass_by()
        for company in (roaster, laboratory):
            company.take_terms(case.document)
        laboratory.capture(INSPECTOR, case.received(readPoint={"id": LABORATORY}))
        market.pass_by(3)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3, attests=False)
        while roaster.attest().done:
            pass
        # Now the delivery would be agreed and paid, had not the inspector thought better of it.
        market.escrow(INSPECTOR, "takeBack", order, 0, roaster.entry().delivery)
        market.pass_by()
        assert roaster.states() == [AttestationState.COUNTED]
        assert [row.state for row in roaster.outbox()] == ["failed", "final"]
        assert roaster.paid(order) == 0

    def test_what_can_t_count_any_more_is_for_a_person(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document, window_s=DAY_S)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3, attests=False)
        while roaster.attest().done:
            pass
        market.escrow(ROASTER, "release", order, 0, bytes(32))
        market.pass_by()
        entry = roaster.entry()
        assert entry.state is AttestationState.FOR_A_PERSON
        assert entry.reason is not None
        assert entry.reason.code is ReasonCode.MILESTONE_ENDED

    def test_what_the_contract_refuses_twice_is_refused_and_a_person_may_try_again(
        self, market: Market, roaster: Company
    ) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        (record,) = roaster.capture(ROASTER, case.received())
        market.pass_by(3, attests=False)
        for number in (1, 2):
            while roaster.attest().done:
                pass
            assert len(roaster.outbox()) == number
            with writing(roaster.engine) as session:
                # What the outbox writes where the chain refuses a transaction.
                refused = {"state": TransactionState.FAILED.value, "error": "NotStanding()"}
                is_it = col(TransactionRow.intent).startswith("attest:")
                session.execute(update(TransactionRow).where(is_it).values(refused))
        roaster.attest()
        entry = roaster.entry()
        assert (entry.state, entry.reason and entry.reason.sentence) == (
            AttestationState.REFUSED, "the contract refused the attestation: NotStanding()"
        )  # fmt: skip
        assert roaster.attest().done == 0
        said = ByHand(0, DESPATCH_ADVICE, 15_000)
        attest_by_hand(roaster.engine, roaster.record_id(record), order, said, market.now * 1_000_000)
        market.pass_by()
        assert roaster.states() == [AttestationState.COUNTED]
        assert roaster.paid(order) == 1_000_00


class TestPeople:
    def test_an_event_that_names_two_orders_is_for_a_person_under_both(self, market: Market, roaster: Company) -> None:
        first, second = Case(market), Case(market)
        for case in (first, second):
            market.funded(case.document)
        market.pass_by()
        for case in (first, second):
            roaster.take_terms(case.document)
        both = first.received()["bizTransactionList"] + [{"bizTransaction": second.document.references[1]}]
        roaster.capture(ROASTER, first.received(bizTransactionList=both))
        market.pass_by(3)
        assert [(entry.state, entry.reason and entry.reason.code) for entry in roaster.entries()] == [
            (AttestationState.FOR_A_PERSON, ReasonCode.NAMES_TWO_ORDERS)
        ] * 2
        assert roaster.outbox() == []

    def test_shipping_and_ordering_concern_nobody(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received(bizStep="shipping"))
        market.pass_by(3)
        assert roaster.states() == [AttestationState.PASSED_OVER]
        assert roaster.entries(states=[AttestationState.FOR_A_PERSON]) == []

    def test_a_finer_quantity_is_attested_by_a_persons_hand(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        (record,) = roaster.capture(ROASTER, case.received(quantityList=[kilograms(1499.95)]))
        market.pass_by(3)
        assert [entry.reason and entry.reason.code for entry in roaster.entries()] == [ReasonCode.QUANTITY_TOO_FINE]
        said = ByHand(0, DESPATCH_ADVICE, 14_999)
        attest_by_hand(roaster.engine, roaster.record_id(record), order, said, market.now * 1_000_000)
        market.pass_by()
        entry = roaster.entry()
        assert (entry.state, entry.is_by_hand, entry.accepted) == (AttestationState.COUNTED, True, 14_999)
        assert roaster.paid(order) == 1_000_00 * 14_999 // 15_000
        with pytest.raises(NotAttestable, match="counted already"):
            attest_by_hand(roaster.engine, roaster.record_id(record), order, said, market.now * 1_000_000)

    def test_who_sees_nothing_in_an_event_dismisses_it(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        (record,) = roaster.capture(ROASTER, case.received(action="DELETE"))
        market.pass_by(3)
        assert roaster.states() == [AttestationState.FOR_A_PERSON]
        dismiss(roaster.engine, roaster.record_id(record), order, market.now * 1_000_000)
        assert roaster.states() == [AttestationState.PASSED_OVER]

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            (ByHand(3, DESPATCH_ADVICE, 1), "milestones 0 to 2, not 3"),
            (ByHand(1, DESPATCH_ADVICE, 1), "no attestor of milestone 1"),
            (ByHand(0, DESPATCH_ADVICE, -1), "not 0 to 2\\^128-1"),
            (ByHand(0, DESPATCH_ADVICE, 1, 10_001), "not 0 to 10000"),
            (ByHand(0, " ", 1), "has no name"),
        ],
    )
    def test_a_hand_can_t_attest_what_the_terms_forbid(
        self, market: Market, roaster: Company, said: ByHand, reason: str
    ) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        (record,) = roaster.capture(ROASTER, case.received(action="DELETE"))
        market.pass_by(3)
        before = roaster.entries()
        with pytest.raises(NotAttestable, match=reason):
            attest_by_hand(roaster.engine, roaster.record_id(record), order, said, market.now * 1_000_000)
        assert roaster.entries() == before

    def test_a_second_event_on_one_delivery_waits_for_a_person_to_take_back_the_first(
        self, market: Market, roaster: Company
    ) -> None:
        case = Case(market)
        case.document = replace(case.document, milestones=case.document.milestones[:1])
        order, terms = market.propose(case.document, milestones=[market.by_two()])
        market.fund(order, terms)
        market.pass_by()
        roaster.take_terms(case.document)
        roaster.capture(ROASTER, case.received())
        market.pass_by(3)
        (second,) = roaster.capture(ROASTER, case.received(quantityList=[kilograms(1_400)]))
        market.pass_by(3)
        assert roaster.states() == [AttestationState.COUNTED, AttestationState.FOR_A_PERSON]
        assert [entry.reason.code for entry in roaster.entries() if entry.reason] == [ReasonCode.ATTESTED_ALREADY]
        delivery = roaster.entries()[0].delivery
        market.escrow(ROASTER, "takeBack", order, 0, delivery)
        market.pass_by()
        said = ByHand(0, DESPATCH_ADVICE, 14_000)
        attest_by_hand(roaster.engine, roaster.record_id(second), order, said, market.now * 1_000_000)
        market.pass_by()
        assert roaster.order(order).attestations[0, delivery or b"", ROASTER.address].record_hash == second


class TestDeclaredWrong:
    def test_an_event_declared_wrong_before_its_anchor_attests_nothing(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        event = case.received()
        roaster.capture(ROASTER, event)
        roaster.capture(ROASTER, declared_wrong(event))
        market.pass_by(3)
        assert roaster.outbox() == []
        assert set(roaster.states()) == {AttestationState.PASSED_OVER}

    def test_declared_wrong_before_agreement_it_is_for_a_person_to_take_back(
        self, market: Market, roaster: Company
    ) -> None:
        case = Case(market)
        case.document = replace(case.document, milestones=case.document.milestones[:1])
        order, terms = market.propose(case.document, milestones=[market.by_two()])
        market.fund(order, terms)
        market.pass_by()
        roaster.take_terms(case.document)
        event = case.received()
        roaster.capture(ROASTER, event)
        market.pass_by(3)
        roaster.capture(ROASTER, declared_wrong(event))
        market.pass_by(3)
        first = roaster.entries()[0]
        assert first.state is AttestationState.FOR_A_PERSON
        assert first.reason is not None
        assert first.reason.code is ReasonCode.RECEIPT_WITHDRAWN_IN_TIME
        assert "take-back" in first.reason.remedy
        # Nothing was undone by itself.
        assert len(roaster.order(order).attestations) == 1

    def test_declared_wrong_after_payment_it_is_a_state_of_its_receipt(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        event = case.received()
        (record,) = roaster.capture(ROASTER, event)
        market.pass_by(3)
        with reading(roaster.engine) as session:
            (receipt,) = receipts(session, order)
        assert (receipt.quantity, receipt.uom, receipt.record_hash, receipt.withdrawn_at) == (
            15_000,
            "KGM",
            record,
            None,
        )
        roaster.capture(ROASTER, declared_wrong(event))
        market.pass_by(3)
        entry = roaster.entries()[0]
        assert (entry.state, entry.reason and entry.reason.code) == (
            AttestationState.FOR_A_PERSON, ReasonCode.RECEIPT_WITHDRAWN
        )  # fmt: skip
        with reading(roaster.engine) as session:
            (receipt,) = receipts(session, order)
        assert receipt.withdrawn_at is not None
        dismiss(roaster.engine, roaster.record_id(record), order, market.now * 1_000_000)
        assert roaster.entries()[0].state is AttestationState.COUNTED

    def test_a_transaction_that_was_not_sent_yet_is_not_sent(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        market.funded(case.document)
        market.pass_by()
        roaster.take_terms(case.document)
        event = case.received()
        roaster.capture(ROASTER, event)
        market.pass_by(3, attests=False)
        while roaster.attest().done:
            pass
        roaster.capture(ROASTER, declared_wrong(event))
        while roaster.attest().done:
            pass
        market.pass_by(3)
        assert [row.state for row in roaster.outbox()] == ["replaced"]
        assert set(roaster.states()) == {AttestationState.PASSED_OVER}


class TestTerms:
    def test_a_document_of_no_order_on_chain_is_refused_and_leaves_nothing(
        self, market: Market, roaster: Company
    ) -> None:
        case = Case(market)
        order = market.funded(case.document)
        market.pass_by()
        other = replace(case.document, delivery=case.document.delivery, salt=b"\x01" * 32)
        with pytest.raises(TermsOfNoOrder):
            roaster.take_terms(other)
        with reading(roaster.engine) as session, pytest.raises(TermsNotImported):
            terms_document(session, order)
        roaster.take_terms(case.document)
        with reading(roaster.engine) as session:
            assert terms_document(session, order) == case.document

    def test_a_document_with_other_milestones_than_its_order_is_refused(self, market: Market, roaster: Company) -> None:
        case = Case(market)
        short = replace(case.document, milestones=case.document.milestones[:1])
        market.propose(short)
        market.pass_by()
        with pytest.raises(TermsOfOtherOrder, match=r"describes 1 milestones, the order 0x[0-9a-f]{64} has 3"):
            roaster.take_terms(short)
