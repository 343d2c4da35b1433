"""What goes into the transaction of an attestation: its payment too, where nobody may dispute the delivery first.

Pure. Foreseen by the order as the follower has read it. Where the chain has moved on meanwhile the whole transaction is
refused, and the attestation goes alone: settling follows by itself (ledger/settlement.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.book import OrderState
from ledger.escrow import Attested
from ledger.orders import (
    REST,
    Attestation,
    Evidence,
    attest_call,
    collect_call,
    gross,
    multicall,
    reduction_bps,
    settle_call,
    settle_shares,
    split_shares,
)


def attesting_call(
    state: OrderState, attestation: Attestation, attestor: bytes, signature: bytes, evidence: Evidence, *, pays: bool
) -> bytes:
    """Calldata by which the attestation counts; with `pays` also what it makes due at once is settled and collected."""
    calls = [attest_call(attestation, signature, evidence)]
    creditors = creditors_at_once(state, attestation, attestor) if pays else []
    if creditors:
        calls.append(settle_call(attestation.order, attestation.milestone, attestation.delivery))
        calls += [collect_call(state.terms.token, creditor) for creditor in creditors]
    return multicall(calls)


def creditors_at_once(state: OrderState, attestation: Attestation, attestor: bytes) -> list[bytes]:
    """Who gets money in the same second, if this attestation counts now: each once, and nobody who gets nothing.

    Empty where it agrees nothing, where the delivery may be disputed first, and where it takes nothing from the rest.
    """
    milestone = state.terms.milestones[attestation.milestone]
    rest = state.items[attestation.milestone, REST]
    if milestone.window_s or rest.is_disputed:
        return []
    agreeing = [said.happened_at for said in _agreeing(state, attestation, attestor)]
    if not attestation.accepted or len(agreeing) + 1 < milestone.threshold:
        return []
    delivered = state.delivered[attestation.milestone]
    held = gross(milestone, delivered.accepted + attestation.accepted, delivered.taken, rest.held)
    happened_at = min([attestation.happened_at, *agreeing])
    to_payee, to_buyer = settle_shares(held, reduction_bps(milestone, happened_at, attestation.deduction_bps))
    own, shares = split_shares(to_payee, state.terms.splits)
    parties = [split.party for split in state.terms.splits]
    paid = [(state.payee, own), *zip(parties, shares, strict=True), (state.terms.buyer, to_buyer)]
    return list(dict.fromkeys(creditor for creditor, amount in paid if amount))


def _agreeing(state: OrderState, attestation: Attestation, attestor: bytes) -> Iterator[Attested]:
    """The attestations of others on this delivery that state the same, as the contract compares them."""
    cap = state.terms.milestones[attestation.milestone].deduction_cap_bps
    for (milestone, delivery, other), said in state.attestations.items():
        is_of_it = (milestone, delivery) == (attestation.milestone, attestation.delivery) and other != attestor
        is_equal_deduction = min(said.deduction_bps, cap) == min(attestation.deduction_bps, cap)
        if is_of_it and is_equal_deduction and said.accepted == attestation.accepted:
            yield said
