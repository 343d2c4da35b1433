"""An order's terms, ids, digests and arithmetic: the contract's own, said a second time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import orders
from ledger.errors import BadTerms
from ledger.orders import (
    AMOUNT_MAX,
    BPS,
    DAY_S,
    NOBODY,
    Attestation,
    Division,
    EscrowDomain,
    Milestone,
    Split,
    Terms,
    check_terms,
)
from tests.ledger.escrow_world import ANVIL, ROASTER, World, found

NOW = 1_800_000_000
BUYER, SELLER, ARBITER, CARRIER, INSPECTOR, TOKEN = (bytes([n]) * 20 for n in range(1, 7))
MILESTONE = Milestone(100_000, 3, 0b01, 1, NOW + DAY_S, 5 * DAY_S, 2 * DAY_S, DAY_S, 150, 400, 1_000)
TERMS = Terms(
    BUYER, SELLER, TOKEN, b"\x07" * 32, ARBITER, NOW + DAY_S, (Split(CARRIER, 250), Split(INSPECTOR, 1_000)),
    (CARRIER, INSPECTOR), (MILESTONE, replace(MILESTONE, attestor_mask=0b11, threshold=2)),
)  # fmt: skip


def changed(index: int = 1, **values: Any) -> Terms:
    """The terms with one milestone changed."""
    milestones = list(TERMS.milestones)
    milestones[index] = replace(milestones[index], **values)
    return replace(TERMS, milestones=tuple(milestones))


def test_good_terms_are_good() -> None:
    check_terms(TERMS, NOW)


@pytest.mark.parametrize(
    ("terms", "field", "reason"),
    [
        (replace(TERMS, buyer=NOBODY), "buyer", "is nobody"),
        (replace(TERMS, seller=BUYER), "seller", "is the buyer"),
        (replace(TERMS, token=b"\1" * 19), "token", "has 19 bytes, not 20"),
        (replace(TERMS, document=bytes(32)), "document", "names no terms document"),
        (replace(TERMS, fund_by=NOW), "fund_by", "is in the past"),
        (replace(TERMS, fund_by=NOW + 365 * DAY_S + 1), "fund_by", "is more than 365 days ahead"),
        (replace(TERMS, splits=(Split(CARRIER, 1),) * 9), "splits", "are more than 8"),
        (replace(TERMS, splits=(Split(CARRIER, 0),)), "splits[0].bps", "is not 1 to 10000"),
        (replace(TERMS, splits=(Split(CARRIER, 9_000), Split(INSPECTOR, 1_001))), "splits", "are more than 10000"),
        (replace(TERMS, attestors=()), "attestors", "are not 1 to 8"),
        (replace(TERMS, attestors=(CARRIER, CARRIER)), "attestors[1]", "stands there twice"),
        (replace(TERMS, arbiter=NOBODY), "arbiter", "is nobody, and a milestone has arbitration time"),
        (replace(TERMS, arbiter=BUYER), "arbiter", "is the buyer, too"),
        (replace(TERMS, arbiter=SELLER), "arbiter", "is the seller, too"),
        (replace(TERMS, arbiter=INSPECTOR, splits=()), "arbiter", "is an attestor, too"),
        (replace(TERMS, arbiter=TOKEN, splits=(Split(TOKEN, 1),)), "arbiter", "is the receiver of a split, too"),
        (replace(TERMS, milestones=()), "milestones", "are not 1 to 16"),
        (replace(TERMS, milestones=(MILESTONE,) * 17), "milestones", "are not 1 to 16"),
        (changed(amount=0), "milestones[1].amount", "is not 1 to 2^128-1"),
        (changed(amount=-5), "milestones[1].amount", "is not 1 to 2^128-1"),
        (changed(ordered=AMOUNT_MAX + 1), "milestones[1].ordered", "is not 1 to 2^128-1"),
        (changed(attestor_mask=0), "milestones[1].attestor_mask", "names no attestor"),
        (changed(attestor_mask=0b100), "milestones[1].attestor_mask", "names an attestor that the order has not"),
        (changed(threshold=3), "milestones[1].threshold", "is more than the 2 attestors"),
        (changed(threshold=1), "milestones[1].threshold", "is not more than half of the 2 attestors"),
        (changed(due_at=NOW), "milestones[1].due_at", "is in the past"),
        (changed(due_at=TERMS.fund_by + 5 * 365 * DAY_S + 1), "milestones[1].due_at", "is more than 5 years after"),
        (changed(grace_s=365 * DAY_S + 1), "milestones[1].grace_s", "is not 0 to 365 days"),
        (changed(0, window_s=-1), "milestones[0].window_s", "is not 0 to 365 days"),
        (changed(late_cap_bps=10_001), "milestones[1].late_cap_bps", "is not 0 to 10000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terms_that_the_contract_forbids_are_refused_by_name(terms: Terms, field: str, reason: str) -> None:
    with pytest.raises(BadTerms) as refused:
        check_terms(terms, NOW)
    assert refused.value.field == field
    assert refused.value.reason.startswith(reason)


def test_an_arbiter_without_arbitration_time_is_refused() -> None:
    milestones = tuple(replace(each, arbitration_s=0) for each in TERMS.milestones)
    with pytest.raises(BadTerms, match="arbiter has no milestone with arbitration time"):
        check_terms(replace(TERMS, milestones=milestones), NOW)
    check_terms(replace(TERMS, milestones=milestones, arbiter=NOBODY), NOW)


@pytest.fixture(scope="module")
def world() -> Any:
    from tests.conftest import running_anvil  # noqa: PLC0415 - one for all

    with running_anvil(*ANVIL) as anvil:
        yield found(anvil)


@pytest.mark.parametrize("nonce", [0, 1, 2**256 - 1])
@pytest.mark.parametrize(
    "terms", [TERMS, replace(TERMS, splits=(), milestones=(MILESTONE,) * 16), changed(amount=2**128 - 1)]
)
def test_ids_are_the_contracts(world: World, terms: Terms, nonce: int) -> None:
    domain = world.deployment.escrow_domain
    assert orders.order_id(domain, nonce, terms) == world.ask("DeliveryEscrow", "orderId", terms.members, nonce)


def test_digests_are_the_contracts_and_of_no_other_chain_or_contract(world: World) -> None:
    domain = world.deployment.escrow_domain
    attestation = Attestation(b"\1" * 32, 15, b"\2" * 32, b"\3" * 32, 2**64 - 1, 2**128 - 1, 65_535)
    division = Division(b"\1" * 32, 3, bytes(32), 2**32 - 1, 2**128 - 1, 7, 2**64 - 1)
    for digest, value, view in (
        (orders.attestation_digest, attestation, "attestationDigest"),
        (orders.division_digest, division, "divisionDigest"),
    ):
        ours = digest(domain, value)  # type: ignore[operator]
        assert ours == world.ask("DeliveryEscrow", view, value.members)  # type: ignore[attr-defined]
        others = EscrowDomain(domain.chain_id + 1, domain.escrow), EscrowDomain(domain.chain_id, world.token)
        assert ours not in [digest(other, value) for other in others]  # type: ignore[operator]


def test_a_permit_is_one_that_the_token_takes(world: World) -> None:
    separator, nonce = world.ask("SettlementToken", "DOMAIN_SEPARATOR"), 0
    digest = orders.permit_digest(separator, ROASTER.address, world.escrow, 500, nonce, world.now + 99)
    signature = ROASTER.sign(digest)
    from ledger.abi import interface  # noqa: PLC0415 - only here

    data = interface("SettlementToken").call(
        "permit", ROASTER.address, world.escrow, 500, world.now + 99, signature[64], signature[:32], signature[32:64]
    )
    world.send(ROASTER, world.token, data)
    assert world.ask("SettlementToken", "allowance", ROASTER.address, world.escrow) == 500


# ------------------------------------------------------------------------------------------ docs/escrow.md, section 9


def test_cutting_a_delivery_into_parts_pays_the_same() -> None:
    def taken(parts: list[int]) -> list[int]:
        found: list[int] = []
        for index in range(len(parts)):
            total = sum(parts[: index + 1])
            found.append(orders.gross(MILESTONE, total, sum(found), 100_000 - sum(found)))
        return found

    assert taken([1, 1, 1]) == [33_333, 33_333, 33_334]
    assert taken([2, 2]) == [66_666, 33_334]
    assert taken([3, 1]) == [100_000, 0]


@given(st.integers(1, AMOUNT_MAX), st.integers(1, AMOUNT_MAX), st.lists(st.integers(1, 2**127), max_size=8))
def test_however_a_delivery_is_cut_the_sum_is_what_it_is_worth(amount: int, ordered: int, parts: list[int]) -> None:
    milestone = replace(MILESTONE, amount=amount, ordered=ordered)
    taken, total = 0, 0
    for part in parts:
        total += part
        taken += orders.gross(milestone, total, taken, amount - taken)
    assert taken == amount * min(total, ordered) // ordered


@pytest.mark.parametrize(
    ("seconds", "days"), [(-5, 0), (0, 0), (1, 1), (DAY_S, 1), (DAY_S + 1, 2), (3 * DAY_S, 3), (3 * DAY_S + 1, 4)]
)
def test_a_day_begun_is_a_day_late(seconds: int, days: int) -> None:
    assert orders.late_days(NOW, NOW + seconds) == days


def test_late_and_short_of_quality_as_the_specification_reckons_it() -> None:
    reduction = orders.reduction_bps(MILESTONE, MILESTONE.due_at + 2 * DAY_S + 1, 250)
    assert reduction == 650
    assert orders.settle_shares(33_333, reduction) == (31_166, 2_167)
    assert orders.split_shares(31_166, TERMS.splits) == (27_271, [779, 3_116])


def test_a_deduction_beyond_its_cap_counts_as_the_cap_and_all_together_as_the_whole() -> None:
    assert orders.reduction_bps(MILESTONE, MILESTONE.due_at, 9_000) == 1_000
    harsh = replace(MILESTONE, late_bps=BPS, late_cap_bps=BPS, deduction_cap_bps=BPS)
    assert orders.reduction_bps(harsh, MILESTONE.due_at + 1, 9_000) == BPS


@given(st.integers(0, AMOUNT_MAX), st.integers(0, BPS))
def test_shares_lose_nothing(held: int, reduction: int) -> None:
    to_payee, to_buyer = orders.settle_shares(held, reduction)
    own, shares = orders.split_shares(to_payee, TERMS.splits)
    assert own + sum(shares) + to_buyer == held
    assert min(own, to_buyer, *shares) >= 0
