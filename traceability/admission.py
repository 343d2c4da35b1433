"""Would the contract take this attestation? Looked at before it is signed, so that a person hears why not. Pure.

docs/escrow.md, section 5, is the contract's own list.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from ledger.book import OrderState
from ledger.hexadecimal import to_hex
from ledger.orders import REST, Attestation, Milestone, State
from traceability.delivery_reasons import Reason, ReasonCode

ANCHOR_LEAD_S: Final = 300
"""How far an event's clock may be ahead of its anchor's block: the verifier allows the same (docs/proof-format.md)."""


def check_order(order: OrderState, attestation: Attestation) -> Reason | None:
    """Why the order, as it was last read, takes no attestation of this delivery; None where it does."""
    if order.state is State.CANCELLED:
        return Reason(ReasonCode.ORDER_CANCELLED)
    if order.state is State.ENDED:
        return Reason(ReasonCode.ORDER_ENDED)
    if order.state is not State.FUNDED:
        return Reason(ReasonCode.ORDER_NOT_FUNDED)
    if order.items[attestation.milestone, REST].is_ended:
        return Reason(ReasonCode.MILESTONE_ENDED)
    is_agreed = (attestation.milestone, attestation.delivery) in order.items
    return Reason(ReasonCode.DELIVERY_AGREED) if is_agreed else None


def check_attestor(
    order: OrderState, attestation: Attestation, attestor: bytes, taken_back: Set[Attestation]
) -> Reason | None:
    """Why this attestor has no say in this delivery any more, by what it said before; None where it has.

    `taken_back` are attestations that the party took back: none of them ever counts again.
    """
    said = order.attestations.get((attestation.milestone, attestation.delivery, attestor))
    if said is not None:
        return Reason(ReasonCode.ATTESTED_ALREADY, to_hex(said.record_hash))
    return Reason(ReasonCode.TAKEN_BACK) if attestation in taken_back else None


def check_times(attestation: Attestation, milestone: Milestone, accepted_at: int, anchored_at: int) -> Reason | None:
    """Why the contract would refuse the attestation for its times, in block seconds; None where it would not."""
    happened_at = attestation.happened_at
    if happened_at < accepted_at:
        return Reason(ReasonCode.HAPPENED_BEFORE_ACCEPTANCE, f"{accepted_at - happened_at} s before")
    if happened_at > anchored_at + ANCHOR_LEAD_S:
        return Reason(ReasonCode.HAPPENED_AFTER_ANCHOR, f"{happened_at - anchored_at} s after")
    if anchored_at > milestone.due_at + milestone.grace_s:
        return Reason(ReasonCode.ANCHORED_TOO_LATE, f"{anchored_at - milestone.due_at - milestone.grace_s} s after")
    return None
