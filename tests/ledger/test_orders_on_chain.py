"""Whole lives of orders on a real chain: every ending, to the last unit; and who is refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.orders import REST, State, settle_call
from tests.ledger.escrow_world import (
    ANVIL,
    GROWER,
    ROASTER,
    STRANGER,
    World,
    found,
    refusal,
)


@pytest.fixture
def world(start_anvil: Callable[..., Any]) -> World:
    return found(start_anvil(*ANVIL))


def state_of(world: World, order: bytes) -> State:
    return State(world.ask("DeliveryEscrow", "orderOf", order)["state"])


def test_an_order_delivered_whole_is_paid_in_full(world: World) -> None:
    order = world.funded(world.terms(world.milestone()))
    delivery = world.attest(ROASTER, order, "A-1", 3)
    world.settle(order, delivery)
    world.collect(GROWER)
    assert world.balance(GROWER.address) == 100_000
    assert state_of(world, order) is State.ENDED


def test_what_is_not_delivered_goes_back(world: World) -> None:
    before = world.balance(ROASTER.address)
    milestone = world.milestone()
    order = world.funded(world.terms(milestone))
    world.settle(order, world.attest(ROASTER, order, "A-1", 2))
    world.now = milestone.rest_settleable_from - 2
    assert "NotSettleable" in refusal(world, STRANGER, world.escrow, settle_call(order, 0, REST))
    world.settle(order, seconds=2)
    world.collect(GROWER, ROASTER)
    assert world.balance(GROWER.address) == 66_666
    assert world.balance(ROASTER.address) == before - 66_666
