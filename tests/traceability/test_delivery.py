"""judge: what an event attests under an order's terms, and each reason why it is for a person instead.

judge
├── given the event is none that the order is delivered by    a reason that concerns nobody
├── given it is, and the terms settle everything              an attestation for each milestone it delivers to
└── given something is open                                   the first reason, with what a person can do
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.orders import Attestation, Milestone
from ledger.record import keccak256
from tests.traceability.nodes import GROWER, ROASTER, STRANGER
from tests.traceability.orders import (
    AT_S,
    COFFEE_CONTEXT,
    DESPATCH_ADVICE,
    DOCUMENT,
    DUE_AT,
    GREEN_KIND,
    GREEN_LOT,
    INSPECTOR,
    LABORATORY,
    ORDER,
    ORDER_GDTI,
    ORDER_PAGE,
    OTHER_ADVICE,
    OTHER_LOT,
    OTHER_ORDER,
    OTHER_PALLET,
    PALLET,
    PURCHASE_ORDER,
    RECORD,
    SACKS,
    SALT,
    STRANGE_LOT,
    TERMS,
    inspected,
    kilograms,
    papers,
    received,
    terms_of,
)
from traceability.admission import check_times
from traceability.delivery import Delivered, Judged, judge
from traceability.delivery_reasons import Reason, ReasonCode
from traceability.epcis.document import partition
from traceability.terms import DeliveryName, TermsDocument

BY_PALLET = replace(DOCUMENT, delivery=DeliveryName.SSCC)


def judged(event: dict[str, Any], party: bytes = ROASTER.address, document: TermsDocument = DOCUMENT) -> Any:
    return judge(Judged(COFFEE_CONTEXT, event, party, RECORD), document, TERMS, ORDER)


def attested(event: dict[str, Any], party: bytes = ROASTER.address, document: TermsDocument = DOCUMENT) -> Any:
    found = judged(event, party, document)
    assert isinstance(found, Delivered), found
    return found.attestations


def assert_valid(event: dict[str, Any]) -> None:
    """Capture takes the event: what is judged here can happen."""
    whole = {
        "@context": COFFEE_CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": "2026-04-01T00:00:00Z", "epcisBody": {"eventList": [event]},
    }  # fmt: skip
    assert partition(whole, now_ms=AT_S * 1000 + 60_000, depth=9).problems == []


class TestWhatIsAttested:
    def test_a_receiving_event_attests_its_quantity_its_time_and_its_despatch_advice(self) -> None:
        assert_valid(received())
        named = keccak256(encode(["bytes32"] * 3, [ORDER, keccak256(DESPATCH_ADVICE.encode()), SALT]))
        assert attested(received()) == (Attestation(ORDER, 0, named, RECORD, AT_S, 15_000, 0),)

    def test_receiver_and_inspector_come_to_the_same_delivery_by_themselves(self) -> None:
        (receipt,) = attested(received())
        (finding,) = attested(inspected(), INSPECTOR.address)
        assert (finding.delivery, finding.milestone) == (receipt.delivery, 1)

    def test_another_spelling_of_the_same_pallet_is_the_same_delivery(self) -> None:
        deliveries = {
            attested(received(epcList=[pallet]), document=BY_PALLET)[0].delivery
            for pallet in (PALLET, "https://id.gs1.org/00/295212340000000017")
        }
        assert len(deliveries) == 1

    def test_one_event_delivers_to_two_milestones_under_one_name(self) -> None:
        event = received(epcList=SACKS[:3])
        assert_valid(event)
        coffee, sacks = attested(event)
        assert (coffee.milestone, coffee.accepted) == (0, 15_000)
        assert (sacks.milestone, sacks.accepted) == (2, 3)
        assert coffee.delivery == sacks.delivery

    @pytest.mark.parametrize(
        "named",
        [
            [("po", PURCHASE_ORDER)],
            [("urn:epcglobal:cbv:btt:po", PURCHASE_ORDER)],
            [("https://ref.gs1.org/cbv/BTT-po", PURCHASE_ORDER)],
            [("cbv:BTT-po", PURCHASE_ORDER)],
            [("po", ORDER_GDTI)],
            [(None, ORDER_GDTI)],
            [("prodorder", "https://id.gs1.org/253/95243210000197")],
            [(None, ORDER_PAGE)],
            [("po", PURCHASE_ORDER), (None, ORDER_GDTI), ("inv", OTHER_ORDER)],
        ],
    )
    def test_an_order_is_named_in_any_of_its_ways(self, named: list[tuple[str | None, str]]) -> None:
        event = received(bizTransactionList=papers(*named, ("desadv", DESPATCH_ADVICE)))
        assert len(attested(event)) == 1

    @pytest.mark.parametrize(
        ("step", "disposition"),
        [
            ("urn:epcglobal:cbv:bizstep:receiving", "urn:epcglobal:cbv:disp:in_progress"),
            ("https://ref.gs1.org/cbv/BizStep-receiving", "https://ref.gs1.org/cbv/Disp-in_progress"),
            ("cbv:BizStep-receiving", "cbv:Disp-in_progress"),
        ],
    )
    def test_words_mean_the_same_in_any_spelling(self, step: str, disposition: str) -> None:
        assert attested(received(bizStep=step, disposition=disposition)) == attested(received())

    def test_the_time_is_the_events_own_in_seconds_wherever_it_was(self) -> None:
        (there,) = attested(received(eventTime="2026-04-01T10:05:00.999+02:00", eventTimeZoneOffset="+02:00"))
        assert there.happened_at == AT_S

    @pytest.mark.parametrize(
        "event",
        [received(disposition="damaged"), received(disposition="damaged", quantityList=[kilograms(None, uom=None)])],
    )
    def test_what_is_rejected_attests_none_and_needs_no_quantity(self, event: dict[str, Any]) -> None:
        assert_valid(event)
        (none,) = attested(event)
        assert (none.accepted, none.deduction_bps) == (0, 0)

    @pytest.mark.parametrize(
        ("stated", "bps"), [(2.5, 250), ("2.5", 250), (0, 0), (100, 10_000), (0.01, 1), (12, 1_200)]
    )
    def test_a_deduction_is_taken_exactly_from_the_extension(self, stated: Any, bps: int) -> None:
        (finding,) = attested(inspected(**{"coffee:deductionPercent": stated}), INSPECTOR.address)
        assert (finding.accepted, finding.deduction_bps) == (15_000, bps)

    def test_a_deduction_of_a_milestone_without_one_is_no_deduction(self) -> None:
        assert attested(received(**{"coffee:deductionPercent": 10}))[0].deduction_bps == 0

    def test_goods_are_children_of_an_observed_pallet_or_of_a_transaction(self) -> None:
        packed = received(type="AggregationEvent", parentID=PALLET, quantityList=...,
                          childQuantityList=[kilograms(1500)])  # fmt: skip
        tied = received(type="TransactionEvent", action="ADD")
        for event in (packed, tied):
            assert_valid(event)
            assert attested(event)[0].accepted == 15_000
        assert attested(packed, document=BY_PALLET)[0].accepted == 15_000

    def test_pallets_carry_goods_and_are_none(self) -> None:
        assert attested(received(epcList=[PALLET, OTHER_PALLET])) == attested(received())

    def test_pieces_are_counted_one_by_one_or_as_a_quantity_with_or_without_unit(self) -> None:
        kind = {"epcClass": "urn:epc:idpat:sgtin:9521234.077777.*", "quantity": 3}
        for changes in ({"epcList": SACKS[:3], "quantityList": ...}, {"quantityList": [kind]},
                        {"quantityList": [kind | {"uom": "EA"}]}):  # fmt: skip
            (sacks,) = attested(received(**changes))
            assert (sacks.milestone, sacks.accepted) == (2, 3)

    def test_an_ordered_lot_is_that_lot_alone(self) -> None:
        rule = replace(DOCUMENT.milestones[0], products=(GREEN_LOT,))
        document = replace(DOCUMENT, milestones=(rule, *DOCUMENT.milestones[1:]))
        assert attested(received(quantityList=[kilograms(7)]), document=document)[0].accepted == 70
        assert judged(received(), document=document).code is ReasonCode.PRODUCT_NOT_ORDERED


REASONS: list[tuple[ReasonCode, dict[str, Any], bytes]] = [
    (ReasonCode.DECLARES_ERROR, received(errorDeclaration={"declarationTime": "2026-04-02T00:00:00Z"}), b""),
    (ReasonCode.NAMES_NO_ORDER, received(bizTransactionList=...), b""),
    (ReasonCode.NAMES_NO_ORDER, received(bizTransactionList=papers(("po", OTHER_ORDER))), b""),
    (ReasonCode.NAMES_NO_ORDER, received(bizTransactionList=papers(("inv", PURCHASE_ORDER))), b""),
    (ReasonCode.NAMES_NO_ORDER, received(bizTransactionList=papers((None, PURCHASE_ORDER))), b""),
    (ReasonCode.OTHER_BUSINESS_STEP, received(bizStep="shipping"), b""),
    (ReasonCode.OTHER_BUSINESS_STEP, received(bizStep=...), b""),
    (ReasonCode.OTHER_BUSINESS_STEP, received(bizStep="https://roaster.example/receiving"), b""),
    (ReasonCode.NAMES_TWO_ORDERS,
     received(bizTransactionList=papers(("po", PURCHASE_ORDER), ("po", OTHER_ORDER),
                                        ("desadv", DESPATCH_ADVICE))), b""),
    (ReasonCode.NAMES_TWO_ORDERS, received(bizTransactionList=papers((None, ORDER_GDTI), ("po", OTHER_ORDER))), b""),
    (ReasonCode.EVENT_TYPE, received(type="TransformationEvent", action=..., quantityList=...,
                                     inputQuantityList=[kilograms(1)], outputQuantityList=[kilograms(1)]), b""),
    (ReasonCode.EVENT_TYPE, received(type="AssociationEvent", parentID=PALLET, quantityList=...,
                                     childQuantityList=[kilograms(1)]), b""),
    (ReasonCode.ACTION, received(action="DELETE"), b""),
    (ReasonCode.ACTION, received(action="ADD"), b""),
    (ReasonCode.ACTION, received(type="AggregationEvent", action="DELETE", parentID=PALLET, quantityList=...), b""),
    (ReasonCode.ACTION, received(type="TransactionEvent", action="DELETE"), b""),
    (ReasonCode.NO_ATTESTOR, received(), STRANGER.address),
    (ReasonCode.NO_ATTESTOR, received(), GROWER.address),
    (ReasonCode.OTHER_MILESTONES_ATTESTOR, received(), INSPECTOR.address),
    (ReasonCode.OTHER_MILESTONES_ATTESTOR, inspected(), ROASTER.address),
    (ReasonCode.NO_READ_POINT, received(readPoint=...), b""),
    (ReasonCode.READ_POINT_NOT_LISTED, received(readPoint={"id": LABORATORY}), b""),
    (ReasonCode.NO_DESPATCH_ADVICE, received(bizTransactionList=papers(("po", PURCHASE_ORDER))), b""),
    (ReasonCode.NO_DESPATCH_ADVICE,
     received(bizTransactionList=papers(("po", PURCHASE_ORDER)), epcList=[PALLET, OTHER_PALLET]), b""),
    (ReasonCode.SEVERAL_DESPATCH_ADVICES,
     received(bizTransactionList=papers(("po", PURCHASE_ORDER), ("desadv", DESPATCH_ADVICE),
                                        ("desadv", OTHER_ADVICE))), b""),
    (ReasonCode.NO_PRODUCTS, received(quantityList=..., epcList=[PALLET]), b""),
    (ReasonCode.PRODUCT_NOT_ORDERED, received(quantityList=[kilograms(1), kilograms(1, STRANGE_LOT)]), b""),
    (ReasonCode.LISTED_TWICE, received(quantityList=[kilograms(1), kilograms(1)]), b""),
    (ReasonCode.LISTED_TWICE, received(quantityList=..., epcList=[
        SACKS[0], "https://id.gs1.org/01/09521234777779/21/1"]), b""),
    (ReasonCode.COUNTED_AND_LISTED, received(epcList=SACKS[:2], quantityList=[
        {"epcClass": "urn:epc:idpat:sgtin:9521234.077777.*", "quantity": 2}]), b""),
    (ReasonCode.NO_QUANTITY, received(quantityList=[kilograms(None, uom=None)]), b""),
    (ReasonCode.UNIT_DIFFERS, received(quantityList=[kilograms(1.5, uom="TNE")]), b""),
    (ReasonCode.NOT_COUNTED_IN_PIECES, received(quantityList=[kilograms(30, uom=None)]), b""),
    (ReasonCode.NOT_COUNTED_IN_PIECES,
     received(quantityList=..., epcList=["urn:epc:id:sgtin:9521234.033333.1"]), b""),
    (ReasonCode.QUANTITY_TOO_FINE, received(quantityList=[kilograms(1499.95)]), b""),
    (ReasonCode.QUANTITY_TOO_FINE, received(quantityList=[
        {"epcClass": "urn:epc:idpat:sgtin:9521234.077777.*", "quantity": 2.5}]), b""),
    (ReasonCode.QUANTITY_NOT_POSITIVE, received(quantityList=[kilograms(0)]), b""),
    (ReasonCode.QUANTITY_NOT_POSITIVE, received(quantityList=[kilograms(-3)]), b""),
    (ReasonCode.NO_DISPOSITION, received(disposition=...), b""),
    (ReasonCode.DISPOSITION_NOT_LISTED, received(disposition="sellable_accessible"), b""),
    (ReasonCode.DISPOSITION_NOT_LISTED, inspected(disposition="in_progress"), INSPECTOR.address),
    (ReasonCode.DEDUCTION_UNREADABLE, inspected(**{"coffee:deductionPercent": "some"}), INSPECTOR.address),
    (ReasonCode.DEDUCTION_UNREADABLE, inspected(**{"coffee:deductionPercent": [2]}), INSPECTOR.address),
    (ReasonCode.DEDUCTION_UNREADABLE, inspected(**{"coffee:deductionPercent": True}), INSPECTOR.address),
    (ReasonCode.DEDUCTION_TWICE, inspected(**{
        "coffee:deductionPercent": 2, "again:deductionPercent": 2,
        "@context": [{"again": "https://example.com/coffee/"}]}), INSPECTOR.address),
    (ReasonCode.DEDUCTION_TOO_FINE, inspected(**{"coffee:deductionPercent": 2.505}), INSPECTOR.address),
    (ReasonCode.DEDUCTION_OUT_OF_RANGE, inspected(**{"coffee:deductionPercent": -1}), INSPECTOR.address),
    (ReasonCode.DEDUCTION_OUT_OF_RANGE, inspected(**{"coffee:deductionPercent": 100.01}), INSPECTOR.address),
    (ReasonCode.HAPPENED_BEFORE_ACCEPTANCE, received(eventTime="1969-12-31T23:00:00Z"), b""),
]  # fmt: skip


class TestReasons:
    @pytest.mark.parametrize(
        ("code", "event", "party"), REASONS, ids=[f"{i}-{c}" for i, (c, _, _) in enumerate(REASONS)]
    )
    def test_what_the_terms_leave_open_is_for_a_person(
        self, code: ReasonCode, event: dict[str, Any], party: bytes
    ) -> None:
        assert_valid(event)
        reason = judged(event, party or ROASTER.address)
        assert isinstance(reason, Reason)
        assert reason.code is code
        assert reason.sentence
        assert reason.remedy

    @pytest.mark.parametrize(
        ("code", "event"),
        [
            (ReasonCode.NO_SSCC, received()),
            (ReasonCode.SEVERAL_SSCCS, received(epcList=[PALLET, OTHER_PALLET])),
            (ReasonCode.SEVERAL_SSCCS, received(type="AggregationEvent", parentID=PALLET, childEPCs=[OTHER_PALLET],
                                                quantityList=..., childQuantityList=[kilograms(1)])),
        ],
    )  # fmt: skip
    def test_where_pallets_name_deliveries_an_event_names_one_pallet(
        self, code: ReasonCode, event: dict[str, Any]
    ) -> None:
        assert_valid(event)
        assert judged(event, document=BY_PALLET).code is code

    def test_goods_that_two_milestones_wait_for_are_for_a_person(self) -> None:
        document = replace(DOCUMENT, milestones=(DOCUMENT.milestones[0], *DOCUMENT.milestones[:2]))
        terms = terms_of(document, *[TERMS.milestones[0]] * 2, TERMS.milestones[1])
        reason = judge(Judged(COFFEE_CONTEXT, received(), ROASTER.address, RECORD), document, terms, ORDER)
        assert reason == Reason(ReasonCode.SEVERAL_MILESTONES, "0, 1")

    def test_more_than_any_order_can_have_is_for_a_person(self) -> None:
        rule = replace(DOCUMENT.milestones[0], decimals=18)
        document = replace(DOCUMENT, milestones=(rule, *DOCUMENT.milestones[1:]))
        lots = [kilograms(2**53 - 1, f"urn:epc:class:lgtin:9521234.033333.{n}") for n in range(40_000)]
        assert judged(received(quantityList=lots), document=document).code is ReasonCode.QUANTITY_TOO_LARGE

    def test_events_that_deliver_nothing_concern_nobody(self) -> None:
        assert not judged(received(bizStep="shipping")).is_for_a_person
        assert judged(received(action="DELETE")).is_for_a_person

    def test_every_code_has_its_words(self) -> None:
        for code in ReasonCode:
            assert Reason(code).sentence
            assert Reason(code).remedy


class TestTimes:
    MILESTONE = Milestone(1, 1, 1, 1, DUE_AT, grace_s=100)

    @pytest.mark.parametrize(
        ("happened_at", "accepted_at", "anchored_at", "code"),
        [
            (AT_S, AT_S, AT_S, None),
            (AT_S, AT_S + 1, AT_S + 9, ReasonCode.HAPPENED_BEFORE_ACCEPTANCE),
            (AT_S + 300, 0, AT_S, None),
            (AT_S + 301, 0, AT_S, ReasonCode.HAPPENED_AFTER_ANCHOR),
            (AT_S, 0, DUE_AT + 100, None),
            (AT_S, 0, DUE_AT + 101, ReasonCode.ANCHORED_TOO_LATE),
        ],
    )
    def test_the_contracts_limits_are_known_before_it_refuses(
        self, happened_at: int, accepted_at: int, anchored_at: int, code: ReasonCode | None
    ) -> None:
        attestation = Attestation(ORDER, 0, b"\x01" * 32, RECORD, happened_at, 1)
        reason = check_times(attestation, self.MILESTONE, accepted_at, anchored_at)
        assert (reason and reason.code) == code


TEXTS = st.sampled_from([PURCHASE_ORDER, ORDER_GDTI, OTHER_ORDER, DESPATCH_ADVICE, OTHER_ADVICE, ORDER_PAGE])
TYPES = st.sampled_from(["po", "desadv", "inv", None])
THINGS = st.sampled_from([GREEN_LOT, OTHER_LOT, STRANGE_LOT, GREEN_KIND])
CHANGES: Any = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["ObjectEvent", "TransactionEvent"]),
        "action": st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
        "bizStep": st.sampled_from(["receiving", "inspecting", "shipping"]),
        "disposition": st.sampled_from(["in_progress", "damaged", "active"]),
        "readPoint": st.sampled_from([{"id": LABORATORY}, ...]),
        "epcList": st.lists(st.sampled_from([*SACKS, PALLET, OTHER_PALLET]), max_size=3),
        "quantityList": st.lists(st.builds(kilograms, st.none() | st.integers(-2, 2000) | st.floats(0, 99), THINGS,
                                           st.sampled_from(["KGM", None])), max_size=3),
        "bizTransactionList": st.lists(st.tuples(TYPES, TEXTS), max_size=3).map(lambda named: papers(*named)),
        "coffee:deductionPercent": st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    },
)  # fmt: skip


@settings(deadline=None)
@given(CHANGES, st.sampled_from([DOCUMENT, BY_PALLET]), st.sampled_from([ROASTER, INSPECTOR, STRANGER]))
def test_any_event_attests_what_the_contract_could_take_or_has_a_reason(
    changes: dict[str, Any], document: TermsDocument, who: Any
) -> None:
    found = judged(received(**changes), who.address, document)
    if isinstance(found, Reason):
        return
    assert found.attestations
    assert len({attestation.delivery for attestation in found.attestations}) == 1
    for attestation in found.attestations:
        assert who.address in TERMS.attestors_of(attestation.milestone)
        assert 0 <= attestation.accepted < 2**128
        assert 0 <= attestation.deduction_bps <= 10_000
        assert any(attestation.delivery)


@settings(deadline=None)
@given(st.decimals(min_value="0.1", max_value="99999", places=1))
def test_a_quantity_of_the_orders_decimals_is_taken_exactly(quantity: Decimal) -> None:
    (receipt,) = attested(received(quantityList=[kilograms(float(quantity))]))
    assert receipt.accepted == quantity * 10
