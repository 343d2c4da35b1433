"""Does this event deliver what was ordered? -> an attestation for each milestone it concerns, or the reason why not.

All attestors judge by the same document and come to the same values, each on a node of its own. Nothing is guessed:
what the terms don't settle is for a person. docs/terms-document.md is this file in words. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ledger.hexadecimal import to_address
from ledger.orders import AMOUNT_MAX, BPS, Attestation, Terms, delivery_id
from traceability.delivery_reasons import Reason, ReasonCode
from traceability.epcis.context import Namespaces, namespaces_of
from traceability.epcis.numbers import spelled_number
from traceability.epcis.terms import (
    BUSINESS_STEP_IRIS,
    BUSINESS_TRANSACTION_TYPE_IRIS,
    CBV_URN_BASES,
    DISPOSITION_IRIS,
)
from traceability.epcis.times import epoch_ms
from traceability.identifiers import canonical
from traceability.identifiers.schemes import ROOT
from traceability.mentions import Action, Role, named_as, parent_of
from traceability.terms import (
    PIECES,
    DeductionUnit,
    DeliveryName,
    MilestoneRule,
    Outcome,
    TermsDocument,
    is_purchase_order_number,
)

_PURCHASE_ORDER = BUSINESS_TRANSACTION_TYPE_IRIS["po"]
_DESPATCH_ADVICE = BUSINESS_TRANSACTION_TYPE_IRIS["desadv"]
_SSCC = f"{ROOT}00/"
# A TransactionEvent of receiving may be the first that ties the goods to the order: EPCIS 2.0, section 7.4.4.
_ACTIONS = {
    "ObjectEvent": (Role.OBJECT, {Action.OBSERVE}),
    "AggregationEvent": (Role.CHILD, {Action.OBSERVE}),
    "TransactionEvent": (Role.OBJECT, {Action.OBSERVE, Action.ADD}),
}
"""Per event type what its goods are in it, and the actions by which it says that they are there."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of an event: an attestation for each milestone. `reference` is what the delivery's name is made of."""

    reference: str
    attestations: tuple[Attestation, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What is judged: an event as it was signed, who says so, and by which record."""

    context: Sequence[Any]
    event: Mapping[str, Any]
    party: bytes
    record_hash: bytes


def judge(judged: Judged, document: TermsDocument, terms: Terms, order: bytes) -> Delivered | Reason:
    """What the event's party attests by it under the order's terms, or the first reason why that is for a person.

    Assumes that `terms` are the order's on chain and `document` is the one of their hash, and that the event is valid.
    An event with goods of two milestones attests both, with one delivery's reference; all of it or nothing.
    """
    case = _Case(judged, document, terms)
    try:
        case.check_kind()
        numbers = case.milestones()
        reference = case.delivery()
        goods = case.goods_by_milestone(numbers)
        happened_at = epoch_ms(judged.event["eventTime"]) // 1000
        if happened_at <= 0:
            raise _Stopped(ReasonCode.HAPPENED_BEFORE_ACCEPTANCE, str(judged.event["eventTime"]))
        delivery = delivery_id(order, reference, document.salt)
        found = []
        for number in sorted(goods):
            accepted, deduction_bps = case.outcome(document.milestones[number], goods[number])
            found.append(Attestation(order, number, delivery, judged.record_hash, happened_at, accepted, deduction_bps))
    except _Stopped as stopped:
        return stopped.reason
    return Delivered(reference, tuple(found))


def transactions(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The business transactions that the event names (EPCIS 2.0, section 7.3.5.4)."""
    return (entry for entry in event.get("bizTransactionList", ()) if isinstance(entry, dict))


class _Stopped(Exception):
    """No error: the way out of a judgement, with its reason."""

    def __init__(self, code: ReasonCode, facts: str = "") -> None:
        super().__init__(code)
        self.reason = Reason(code, facts)


class _Case:
    """One event under one order. Every question raises _Stopped where the terms have no answer to it."""

    def __init__(self, judged: Judged, document: TermsDocument, terms: Terms) -> None:
        self.event, self.party = judged.event, judged.party
        self.document, self.terms = document, terms
        self.namespaces = namespaces_of(judged.context, judged.event.get("@context"))

    def check_kind(self) -> None:
        """The event names this order and no other, is one of its business steps, and says that goods are there."""
        if "errorDeclaration" in self.event:
            raise _Stopped(ReasonCode.DECLARES_ERROR)
        named, others = self._orders()
        if not named:
            raise _Stopped(ReasonCode.NAMES_NO_ORDER)
        if not any(self._is_step_of(rule) for rule in self.document.milestones):
            raise _Stopped(ReasonCode.OTHER_BUSINESS_STEP, str(self.event.get("bizStep", "none")))
        if others:
            raise _Stopped(ReasonCode.NAMES_TWO_ORDERS, ", ".join(sorted(named | others)))
        kind, action = self.event["type"], self.event.get("action")
        if kind not in _ACTIONS:
            raise _Stopped(ReasonCode.EVENT_TYPE, kind)
        if action not in _ACTIONS[kind][1]:
            raise _Stopped(ReasonCode.ACTION, f"{kind} {action}")

    def milestones(self) -> list[int]:
        """The milestones of the event's step and place that its party attests."""
        rules = self.document.milestones
        by_step = [number for number, rule in enumerate(rules) if self._is_step_of(rule)]
        if self.party not in self.terms.attestors:
            raise _Stopped(ReasonCode.NO_ATTESTOR, to_address(self.party))
        own = [number for number in by_step if self.party in self.terms.attestors_of(number)]
        if not own:
            raise _Stopped(ReasonCode.OTHER_MILESTONES_ATTESTOR, to_address(self.party))
        place = self.event.get("readPoint", {}).get("id")
        if place is None:
            raise _Stopped(ReasonCode.NO_READ_POINT)
        here = [number for number in own if canonical(place) in map(canonical, rules[number].read_points)]
        if not here:
            raise _Stopped(ReasonCode.READ_POINT_NOT_LISTED, place)
        return here

    def delivery(self) -> str:
        """The reference that the delivery's name is made of, in canonical form."""
        if self.document.delivery is DeliveryName.DESPATCH_ADVICE:
            named = {
                canonical(entry["bizTransaction"])
                for entry in transactions(self.event)
                if self._type_of(entry) == _DESPATCH_ADVICE
            }
            none, several = ReasonCode.NO_DESPATCH_ADVICE, ReasonCode.SEVERAL_DESPATCH_ADVICES
        else:
            parent = parent_of(self.event)
            things = {thing for thing, _ in self._things()} | ({parent} if parent else set())
            named = {thing for thing in things if thing.startswith(_SSCC)}
            none, several = ReasonCode.NO_SSCC, ReasonCode.SEVERAL_SSCCS
        if len(named) != 1:
            raise _Stopped(several if named else none, ", ".join(sorted(named)))
        return named.pop()

    def goods_by_milestone(self, numbers: Iterable[int]) -> dict[int, list[str]]:
        """The event's products, each under the one milestone that it can be for. Logistic units only carry them."""
        found: dict[int, list[str]] = defaultdict(list)
        things = [thing for thing, _ in self._things() if not thing.startswith(_SSCC)]
        if not things:
            raise _Stopped(ReasonCode.NO_PRODUCTS)
        for thing, count in Counter(things).items():
            covering = [number for number in numbers if self.document.milestones[number].covers(thing)]
            if not covering:
                raise _Stopped(ReasonCode.PRODUCT_NOT_ORDERED, thing)
            if len(covering) > 1:
                raise _Stopped(ReasonCode.SEVERAL_MILESTONES, ", ".join(map(str, covering)))
            if count > 1:
                raise _Stopped(ReasonCode.LISTED_TWICE, thing)
            found[covering[0]].append(thing)
        return found

    def outcome(self, rule: MilestoneRule, things: Sequence[str]) -> tuple[int, int]:
        """(accepted, deduction in basis points) of these things. What is rejected needs no quantity."""
        disposition = self.event.get("disposition")
        if disposition is None:
            raise _Stopped(ReasonCode.NO_DISPOSITION)
        meaning = self._meaning(disposition, DISPOSITION_IRIS)
        outcomes = {DISPOSITION_IRIS[word]: outcome for word, outcome in rule.dispositions.items()}
        if meaning not in outcomes:
            raise _Stopped(ReasonCode.DISPOSITION_NOT_LISTED, disposition)
        if outcomes[meaning] is Outcome.REJECT:
            return 0, 0
        return self._accepted(rule, set(things)), self._deduction_bps(rule)

    def _accepted(self, rule: MilestoneRule, things: set[str]) -> int:
        role = self._role()
        count = sum(not is_class for thing, is_class in named_as(self.event, role) if thing in things)
        elements = [element for element in self._elements() if canonical(element["epcClass"]) in things]
        if count and elements:
            raise _Stopped(ReasonCode.COUNTED_AND_LISTED)
        if count and rule.uom not in PIECES:
            raise _Stopped(ReasonCode.NOT_COUNTED_IN_PIECES, rule.uom)
        total = Fraction(count) + sum(_quantity(element, rule) for element in elements)
        if total > AMOUNT_MAX:
            raise _Stopped(ReasonCode.QUANTITY_TOO_LARGE)
        return int(total)

    def _deduction_bps(self, rule: MilestoneRule) -> int:
        """What the event's extension states; an event without it states none."""
        if rule.deduction is None:
            return 0
        wanted = rule.deduction.field
        stated = [value for name, value in self.event.items() if self.namespaces.expand(name) == wanted]
        if not stated:
            return 0
        if len(stated) > 1:
            raise _Stopped(ReasonCode.DEDUCTION_TWICE)
        number = _number(stated[0])
        if number is None:
            raise _Stopped(ReasonCode.DEDUCTION_UNREADABLE, str(stated[0])[:80])
        bps = number * 100 if rule.deduction.unit is DeductionUnit.PERCENT else number
        if not 0 <= bps <= BPS:
            raise _Stopped(ReasonCode.DEDUCTION_OUT_OF_RANGE, str(stated[0]))
        if bps.denominator != 1:
            raise _Stopped(ReasonCode.DEDUCTION_TOO_FINE, str(stated[0]))
        return int(bps)

    def _orders(self) -> tuple[set[str], set[str]]:
        """(references of this order that the event names as such, other purchase orders that it names)."""
        by_number = {canonical(text) for text in self.document.references if is_purchase_order_number(text)}
        by_document = self.document.reference_keys - by_number
        named, others = set(), set()
        for entry in transactions(self.event):
            key, is_order = canonical(entry["bizTransaction"]), self._type_of(entry) == _PURCHASE_ORDER
            if key in by_document or (is_order and key in by_number):
                named.add(key)
            elif is_order:
                others.add(key)
        return named, others

    def _is_step_of(self, rule: MilestoneRule) -> bool:
        step = self.event.get("bizStep")
        return step is not None and self._meaning(step, BUSINESS_STEP_IRIS) == BUSINESS_STEP_IRIS[rule.business_step]

    def _type_of(self, entry: Mapping[str, Any]) -> str | None:
        kind = entry.get("type")
        return None if kind is None else self._meaning(kind, BUSINESS_TRANSACTION_TYPE_IRIS)

    def _meaning(self, written: str, vocabulary: Mapping[str, str]) -> str:
        return _iri(written, vocabulary, self.namespaces)

    def _role(self) -> Role:
        return _ACTIONS[self.event["type"]][0]

    def _things(self) -> Iterator[tuple[str, bool]]:
        return named_as(self.event, self._role())

    def _elements(self) -> list[Mapping[str, Any]]:
        member = "childQuantityList" if self._role() is Role.CHILD else "quantityList"
        return list(self.event.get(member, ()))


def _quantity(element: Mapping[str, Any], rule: MilestoneRule) -> Fraction:
    """A class's quantity in the order's smallest unit: whole and above zero."""
    number, uom = _number(element.get("quantity")), element.get("uom")
    if number is None:
        raise _Stopped(ReasonCode.NO_QUANTITY, element["epcClass"])
    # Without a unit it is the number of instances: EPCIS 2.0, section 7.3.3.3.
    if uom is None and rule.uom not in PIECES:
        raise _Stopped(ReasonCode.NOT_COUNTED_IN_PIECES, rule.uom)
    if uom not in (None, rule.uom):
        raise _Stopped(ReasonCode.UNIT_DIFFERS, f"{uom}, not {rule.uom}")
    if number <= 0:
        raise _Stopped(ReasonCode.QUANTITY_NOT_POSITIVE, str(element["quantity"]))
    scaled = number * Fraction(10) ** rule.decimals
    if scaled.denominator != 1:
        raise _Stopped(ReasonCode.QUANTITY_TOO_FINE, f"{element['quantity']} with {rule.decimals} decimals")
    return scaled


def _number(value: Any) -> Fraction | None:
    """The number, exactly as it is written in decimal digits; None where it is none.

    A text that spells a number is one, as for the event hash: XML has no numbers.
    """
    if isinstance(value, str):
        text = spelled_number(value.strip())
        return None if text is None else Fraction(Decimal(text))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # The double nearest to 0.1 is not 0.1: its shortest spelling is what was written (strict_json takes no other).
    return Fraction(Decimal(repr(value)))


def _iri(written: str, vocabulary: Mapping[str, str], namespaces: Namespaces) -> str:
    """What a word of the vocabulary means, in whichever of its spellings: bare, prefixed, CBV 1.x's URN, an IRI."""
    word = written.strip()
    if word in vocabulary:
        return vocabulary[word]
    text = namespaces.expand(word)
    base = next((urn for urn in CBV_URN_BASES if text.startswith(urn)), None)
    return text if base is None else CBV_URN_BASES[base] + text[len(base) :]
