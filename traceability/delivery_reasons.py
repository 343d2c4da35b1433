"""Why an event pays nothing by itself: a stable code each, what is the matter, and what a person can do about it. Pure.

Codes stand in the store and in answers to clients: never give one another meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """Why no attestation came of an event, or why one has to be looked at again."""

    # what the event is
    DECLARES_ERROR = "declares_error"
    NAMES_NO_ORDER = "names_no_order"
    OTHER_BUSINESS_STEP = "other_business_step"
    NAMES_TWO_ORDERS = "names_two_orders"
    EVENT_TYPE = "event_type"
    ACTION = "action"
    # who, where, which delivery
    NO_ATTESTOR = "no_attestor"
    OTHER_MILESTONES_ATTESTOR = "other_milestones_attestor"
    NO_READ_POINT = "no_read_point"
    READ_POINT_NOT_LISTED = "read_point_not_listed"
    NO_DESPATCH_ADVICE = "no_despatch_advice"
    SEVERAL_DESPATCH_ADVICES = "several_despatch_advices"
    NO_SSCC = "no_sscc"
    SEVERAL_SSCCS = "several_ssccs"
    # what, how much, in what condition
    NO_PRODUCTS = "no_products"
    PRODUCT_NOT_ORDERED = "product_not_ordered"
    SEVERAL_MILESTONES = "several_milestones"
    LISTED_TWICE = "listed_twice"
    COUNTED_AND_LISTED = "counted_and_listed"
    NO_QUANTITY = "no_quantity"
    UNIT_DIFFERS = "unit_differs"
    NOT_COUNTED_IN_PIECES = "not_counted_in_pieces"
    QUANTITY_TOO_FINE = "quantity_too_fine"
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    NO_DISPOSITION = "no_disposition"
    DISPOSITION_NOT_LISTED = "disposition_not_listed"
    DEDUCTION_UNREADABLE = "deduction_unreadable"
    DEDUCTION_TWICE = "deduction_twice"
    DEDUCTION_TOO_FINE = "deduction_too_fine"
    DEDUCTION_OUT_OF_RANGE = "deduction_out_of_range"
    # against the order on chain
    HAPPENED_BEFORE_ACCEPTANCE = "happened_before_acceptance"
    HAPPENED_AFTER_ANCHOR = "happened_after_anchor"
    ANCHORED_TOO_LATE = "anchored_too_late"
    ORDER_NOT_FUNDED = "order_not_funded"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_ENDED = "order_ended"
    MILESTONE_ENDED = "milestone_ended"
    DELIVERY_AGREED = "delivery_agreed"
    ATTESTED_ALREADY = "attested_already"
    TAKEN_BACK = "taken_back"
    RECORD_NEVER_VERIFIES = "record_never_verifies"
    RECORD_WITHDRAWN = "record_withdrawn"
    NO_ATTEST_KEY = "no_attest_key"
    REFUSED_BY_CONTRACT = "refused_by_contract"
    # after it counted
    RECEIPT_WITHDRAWN_IN_TIME = "receipt_withdrawn_in_time"
    RECEIPT_WITHDRAWN = "receipt_withdrawn"
    # by a person
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why no attestation came of an event. `facts` are the values that matter, in words."""

    code: ReasonCode
    facts: str = ""

    @property
    def sentence(self) -> str:
        """What is the matter."""
        text = _WORDS[self.code][0]
        return f"{text}: {self.facts}" if self.facts else text

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        return _WORDS[self.code][1]

    @property
    def is_for_a_person(self) -> bool:
        """False where the event is simply none that this order waits for: nobody has to decide anything."""
        return self.code not in NOBODYS_CONCERN

    @property
    def may_pass(self) -> bool:
        """True where the same event attests by itself once something else has happened."""
        return self.code in PASSING


NOBODYS_CONCERN = frozenset(
    {
        ReasonCode.DECLARES_ERROR,
        ReasonCode.NAMES_NO_ORDER,
        ReasonCode.OTHER_BUSINESS_STEP,
        ReasonCode.ORDER_CANCELLED,
        ReasonCode.DISMISSED,
    }
)
"""A purchase order is named by many events that deliver nothing: the order itself, the shipping, the invoice."""

PASSING = frozenset({ReasonCode.ORDER_NOT_FUNDED, ReasonCode.NO_ATTEST_KEY})
"""What goes by: the buyer funds the order, a key is put into the node or authorised."""

_ATTEST = "look at the goods' papers, then attest by hand what is right: `tally order attest`"
_CORRECT = "declare the event wrong and capture a corrected one, or attest by hand: `tally order attest`"
_NOTHING = "nothing has to be done"
_CREDIT_NOTE = "agree with the other side on a credit note, a new order, or what a dispute brings"

_WORDS: dict[ReasonCode, tuple[str, str]] = {
    ReasonCode.DECLARES_ERROR: ("the event declares another one wrong", _NOTHING),
    ReasonCode.NAMES_NO_ORDER: ("the event does not name the order as its purchase order", _NOTHING),
    ReasonCode.OTHER_BUSINESS_STEP: ("its business step is none that this order is delivered by", _NOTHING),
    ReasonCode.NAMES_TWO_ORDERS: ("the event names more than one order", _ATTEST),
    ReasonCode.EVENT_TYPE: ("events of this type state no receipt of goods", _CORRECT),
    ReasonCode.ACTION: ("the event's action states no receipt of goods", _CORRECT),
    ReasonCode.NO_ATTESTOR: (
        "the event's party is no attestor of this order",
        "an attestor of the order has to record an event of its own",
    ),
    ReasonCode.OTHER_MILESTONES_ATTESTOR: (
        "the event's party attests other milestones of this order, not those of this business step",
        "an attestor of this milestone has to record an event of its own",
    ),
    ReasonCode.NO_READ_POINT: ("the event does not say where it happened", _CORRECT),
    ReasonCode.READ_POINT_NOT_LISTED: ("it happened where the order is not to be delivered", _ATTEST),
    ReasonCode.NO_DESPATCH_ADVICE: (
        "the event names no despatch advice, which names this order's deliveries",
        _CORRECT,
    ),
    ReasonCode.SEVERAL_DESPATCH_ADVICES: ("the event names several despatch advices", _ATTEST),
    ReasonCode.NO_SSCC: ("the event names no logistic unit (SSCC), which names this order's deliveries", _CORRECT),
    ReasonCode.SEVERAL_SSCCS: ("the event names several logistic units (SSCC)", _ATTEST),
    ReasonCode.NO_PRODUCTS: ("the event names no products", _CORRECT),
    ReasonCode.PRODUCT_NOT_ORDERED: ("the event names what was not ordered", _ATTEST),
    ReasonCode.SEVERAL_MILESTONES: ("it can be a delivery to more than one milestone", _ATTEST),
    ReasonCode.LISTED_TWICE: ("the event lists a thing twice", _CORRECT),
    ReasonCode.COUNTED_AND_LISTED: (
        "the event lists things one by one and as a quantity, which may be the same ones",
        _CORRECT,
    ),
    ReasonCode.NO_QUANTITY: ("the event gives no quantity", _CORRECT),
    ReasonCode.UNIT_DIFFERS: ("the event's unit of measure is not the order's", _ATTEST),
    ReasonCode.NOT_COUNTED_IN_PIECES: ("the event counts pieces, and the order's unit is a measure", _ATTEST),
    ReasonCode.QUANTITY_TOO_FINE: ("the event's quantity is finer than the order's", _ATTEST),
    ReasonCode.QUANTITY_NOT_POSITIVE: ("the event accepts a quantity that is not above zero", _CORRECT),
    ReasonCode.QUANTITY_TOO_LARGE: ("the event's quantity is more than any order can have", _CORRECT),
    ReasonCode.NO_DISPOSITION: ("the event does not say in what condition the goods are", _CORRECT),
    ReasonCode.DISPOSITION_NOT_LISTED: ("the order does not say what the event's disposition means", _ATTEST),
    ReasonCode.DEDUCTION_UNREADABLE: ("the event's deduction is no number", _CORRECT),
    ReasonCode.DEDUCTION_TWICE: ("the event states a deduction twice", _CORRECT),
    ReasonCode.DEDUCTION_TOO_FINE: ("the event's deduction is finer than a basis point", _ATTEST),
    ReasonCode.DEDUCTION_OUT_OF_RANGE: ("the event's deduction is not 0 to 100 percent", _CORRECT),
    ReasonCode.HAPPENED_BEFORE_ACCEPTANCE: ("it happened before the seller accepted the order", _ATTEST),
    ReasonCode.HAPPENED_AFTER_ANCHOR: ("its time lies more than five minutes after its anchor", _CORRECT),
    ReasonCode.ANCHORED_TOO_LATE: (
        "its record was anchored after the milestone's due time and grace",
        "the buyer can still release the milestone, or both divide it: `tally order release`, `tally order divide`",
    ),
    ReasonCode.ORDER_NOT_FUNDED: ("the order is not funded yet", "it attests by itself once the buyer has funded it"),
    ReasonCode.ORDER_CANCELLED: ("the order was cancelled", _NOTHING),
    ReasonCode.ORDER_ENDED: ("the order has ended: nothing is held any more", _CREDIT_NOTE),
    ReasonCode.MILESTONE_ENDED: ("the rest of the milestone has ended: nothing more is delivered to it", _CREDIT_NOTE),
    ReasonCode.DELIVERY_AGREED: ("the delivery is agreed already", _CREDIT_NOTE),
    ReasonCode.ATTESTED_ALREADY: (
        "the party has attested this delivery already, by another event",
        "take that attestation back if it was wrong (`tally order take-back`), then `tally order attest` this one",
    ),
    ReasonCode.TAKEN_BACK: ("the party has taken this attestation back: it never counts again", _CORRECT),
    ReasonCode.RECORD_NEVER_VERIFIES: (
        "the record's signer did not stand for the party when it was anchored",
        "capture the event again with a key that stands",
    ),
    ReasonCode.RECORD_WITHDRAWN: ("the record was withdrawn before it attested", _NOTHING),
    ReasonCode.NO_ATTEST_KEY: (
        "no key here stands for the party's attesting (use 2)",
        "put one into DATA/keys, or have the party's controller authorise one: `tally party signer authorise`",
    ),
    ReasonCode.REFUSED_BY_CONTRACT: ("the contract refused the attestation", _ATTEST),
    ReasonCode.RECEIPT_WITHDRAWN_IN_TIME: (
        "the event was declared wrong after it attested, and the delivery is not agreed yet",
        "take the attestation back: `tally order take-back`",
    ),
    ReasonCode.RECEIPT_WITHDRAWN: ("the event was declared wrong after its delivery was agreed", _CREDIT_NOTE),
    ReasonCode.DISMISSED: ("a person has decided that it attests nothing", _NOTHING),
}
