"""What the follower makes of the escrow's logs: the chain's own answers, and the same rows by whatever way it came."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel, select

from ledger import follower, latecomers, orderbook, tokens
from ledger.batch import AnchoringSettings
from ledger.book import Book, OrderState
from ledger.chain import Tip
from ledger.database import reading
from ledger.deployment import Deployment, Escrow, bind
from ledger.errors import UnknownOrder, WrongDeployment
from ledger.orders import DAY_S, NOBODY, REST, State
from ledger.ordertables import (
    CreditRow,
    EscrowLogRow,
    FollowedRow,
    OrderItemRow,
    OrderPartyRow,
    OrderRow,
)
from ledger.rpc import Question
from ledger.tables import PositionRow
from tests.conftest import running_anvil
from tests.ledger.escrow_world import (
    ANVIL,
    ARBITER,
    CARRIER,
    COOPERATIVE,
    FINANCIER,
    GROWER,
    INSPECTOR,
    ROASTER,
    World,
    found,
    tried,
    undone,
)

TABLES = (EscrowLogRow, OrderRow, OrderPartyRow, OrderItemRow, CreditRow, FollowedRow)
PEOPLE = (ROASTER, GROWER, CARRIER, INSPECTOR, ARBITER, COOPERATIVE, FINANCIER)


@pytest.fixture(scope="module")
def founded() -> Iterator[World]:
    with running_anvil(*ANVIL) as anvil:
        yield found(anvil)


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    with undone(founded) as world:
        yield world


def follow(world: World, engine: Engine, deployment: Deployment | None = None, *, now_us: int = 0) -> None:
    """Steps until nothing is new."""
    deployment = deployment or world.deployment
    for _ in range(500):
        progress = follower.step(engine, world.chain, deployment, AnchoringSettings(), now_us)
        if not progress.done and not progress.is_waiting:
            return
    raise AssertionError("the follower does not come to an end")


def rows(engine: Engine, *tables: type[SQLModel]) -> dict[str, list[dict[str, Any]]]:
    with reading(engine) as session:
        return {
            str(table.__tablename__): sorted((row.model_dump() for row in session.exec(select(table))), key=repr)
            for table in tables or TABLES
        }


def book_of(engine: Engine) -> Book:
    with reading(engine) as session:
        return Book(orderbook.logs(session))


def check_against_chain(world: World, book: Book, orders: list[bytes]) -> None:
    """orderOf, payeeOf, milestoneOf, itemOf and creditOf say what the book says."""
    ask = lambda function, *arguments: world.ask("DeliveryEscrow", function, *arguments)  # noqa: E731
    assert set(book.orders) == set(orders)
    for order in orders:
        state = book.orders[order]
        on_chain = ask("orderOf", order)
        assert (state.state, state.version, state.accepted_at, state.open_items) == (
            on_chain["state"], on_chain["version"], on_chain["acceptedAt"], on_chain["openItems"],
        )  # fmt: skip
        assert state.payee == ask("payeeOf", order)
        for index in range(len(state.terms.milestones)):
            terms, taken, accepted = ask("milestoneOf", order, index)
            assert tuple(terms.values()) == state.terms.milestones[index].members
            assert (taken, accepted) == (state.delivered[index].taken, state.delivered[index].accepted)
        check_items(ask, state)
    for person in PEOPLE:
        assert book.credits.get((world.token, person.address), 0) == ask("creditOf", world.token, person.address)


def check_items(ask: Callable[..., Any], state: OrderState) -> None:
    for (milestone, delivery), item in state.items.items():
        on_chain = ask("itemOf", state.order, milestone, delivery)
        assert on_chain == {
            "held": item.held, "reduction": item.reduction, "disputableUntil": item.disputable_until,
            "settleableFrom": item.settleable_from, "version": item.version, "isDisputed": item.is_disputed,
            "isEnded": item.is_ended, "exists": True,
        }  # fmt: skip


class Play:
    """Random actions by everybody, most of which are refused; what is not refused makes a history."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.orders: list[bytes] = []
        self.deliveries: dict[bytes, list[bytes]] = {}

    def act(self, count: int) -> int:
        """So many tries. Returns how many were not refused."""
        return sum(tried(self._action) for _ in range(count))

    def begin(self) -> None:
        world, dice = self.world, self.dice
        milestones = [
            world.milestone(
                amount=dice.randint(1, 10**6), ordered=dice.randint(1, 9), attestor_mask=mask, threshold=k,
                due_at=world.now + dice.randint(DAY_S // 2, 9 * DAY_S), window_s=dice.choice([0, 3_600, 2 * DAY_S]),
                arbitration_s=dice.choice([0, DAY_S]), late_bps=dice.choice([0, 150]), late_cap_bps=400,
                deduction_cap_bps=1_000,
            )
            for mask, k in dice.choices([(1, 1), (3, 2), (7, 2)], k=dice.randint(1, 3))
        ]  # fmt: skip
        splits = world.split(dice.randint(1, 3_000)) if dice.random() < 0.5 else ()
        self.orders.append(world.funded(world.terms(*milestones, splits=splits)))

    def _action(self) -> None:
        world, dice = self.world, self.dice
        order = dice.choice(self.orders[-2:])
        milestone = dice.randrange(2)
        delivery = dice.choice([REST, *self.deliveries.get(order, [])[-3:]])
        who = dice.choice(PEOPLE)
        item = (order, milestone, delivery)
        dice.choice([
            self.begin,
            *[lambda: self._attest(order, milestone)] * 6,
            lambda: world.act(ROASTER, "release", *item),
            lambda: world.act(GROWER, "giveBack", *item),
            *[lambda: world.act(dice.choice([ROASTER, GROWER]), "dispute", *item)] * 3,
            lambda: world.act(dice.choice([CARRIER, INSPECTOR]), "takeBack", *item),
            lambda: world.act(ARBITER, "rule", *item, dice.randrange(10_001)),
            lambda: world.divide(order, delivery, dice.randrange(1, 400), dice.randrange(400), milestone),
            *[lambda: world.settle(order, delivery, milestone)] * 2,
            lambda: world.mint(order),
            lambda: world.transfer(order, GROWER, dice.choice(PEOPLE).address),
            *[lambda: world.collect(who)] * 2,
            *[lambda: world.mine(dice.randrange(2 * DAY_S))] * 2,
        ])()  # fmt: skip

    def _attest(self, order: bytes, milestone: int) -> None:
        who = self.dice.choice([ROASTER, CARRIER, INSPECTOR])
        number, accepted = self.dice.randrange(4), self.dice.randrange(4)
        delivery = self.world.attest(who, order, f"D-{number}", accepted, milestone=milestone)
        self.deliveries.setdefault(order, []).append(delivery)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_book_answers_as_the_chain_does_after_any_history(world: World, engine: Engine, seed: int) -> None:
    play = Play(world, seed)
    play.begin()
    for _ in range(3):
        assert play.act(30) > 5
        follow(world, engine)
        check_against_chain(world, book_of(engine), play.orders)
    check_rows(world, engine)


def check_rows(world: World, engine: Engine) -> None:
    """The indexed rows say of every order what a replay of all logs says."""
    book = book_of(engine)
    found = rows(engine)
    assert {row["order_id"]: (row["state"], row["held"], row["paid"], row["returned"]) for row in found["orders"]} == {
        order: (state.state, state.held, state.paid, state.returned) for order, state in book.orders.items()
    }
    assert all(s.terms.amount == s.held + s.paid + s.returned for s in book.orders.values() if s.items)
    assert {(r["order_id"], r["milestone"], r["delivery"]): r["settleable_from"] for r in found["order_items"]} == {
        (order, *name): item.settleable_from
        for order, state in book.orders.items() for name, item in state.items.items() if item.held
    }  # fmt: skip
    assert {(row["token"], row["creditor"]): row["amount"] for row in found["credits"]} == book.credits
    due = {(r["order_id"], r["milestone"], r["delivery"]) for r in found["order_items"]
           if r["settleable_from"] <= world.now}  # fmt: skip
    assert due == set(book.settleable(world.now))


def test_rows_are_the_same_read_block_by_block_and_from_block_zero(
    world: World, engine: Engine, make_engine: Callable[[], Engine]
) -> None:
    play = Play(world, 7)
    play.begin()
    for _ in range(12):
        play.act(3)
        follow(world, engine)
    late = make_engine()
    follow(world, late)
    assert rows(late) == rows(engine)


@pytest.mark.long
def test_what_a_fork_undoes_is_undone_to_the_row(world: World, engine: Engine) -> None:
    play = Play(world, 11)
    play.begin()
    play.act(20)
    for _ in range(3):
        follow(world, engine)
        before, now, snapshot = rows(engine), world.now, world.anvil.rpc("evm_snapshot")
        orders = list(play.orders)
        play.begin()
        play.act(8)
        follow(world, engine)
        assert rows(engine) != before
        world.anvil.rpc("evm_revert", snapshot)
        world.now, play.orders = now, orders
        # Another branch, longer than the one that fell out.
        world.mine(5)
        branch = world.chain.head().number
        follow(world, engine, now_us=61_000_000)
        follow(world, engine, now_us=122_000_000)
        assert rows(engine) == before
        assert branch == world.chain.head().number
        play.act(5)
    follow(world, engine, now_us=200_000_000)
    check_against_chain(world, book_of(engine), play.orders)


def test_a_rest_that_a_division_has_emptied_takes_deliveries_on(world: World, engine: Engine) -> None:
    order = world.funded(world.terms(world.milestone(window_s=DAY_S)))
    delivery = world.attest(ROASTER, order, "A-1", 1)
    world.divide(order, REST, 60_000, 6_667)
    late = world.attest(ROASTER, order, "A-2", 5)
    world.divide(order, delivery, 33_000, 0)
    follow(world, engine)
    book = book_of(engine)
    check_against_chain(world, book, [order])
    items = book.orders[order].items
    assert [(items[0, name].held, items[0, name].is_ended) for name in (REST, delivery, late)] == [
        (0, False), (333, False), (0, True),
    ]  # fmt: skip
    assert (book.orders[order].delivered[0].accepted, book.orders[order].open_items) == (6, 1)


def test_a_fork_while_a_contract_catches_up_has_the_lost_blocks_read_again(
    world: World, engine: Engine, make_engine: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(world, engine, replace(world.deployment, escrow=None))
    snapshot, now = world.anvil.rpc("evm_snapshot"), world.now
    order = world.propose(world.terms(world.milestone()))
    for _ in range(8):
        world.mine()
    follow(world, engine, replace(world.deployment, escrow=None))
    # All but the newest blocks have been read when the proposal falls out.
    monkeypatch.setattr(latecomers, "RANGE_MAX", world.chain.head().number - 3)
    latecomers.step(engine, world.chain, world.deployment, follower.NAME)
    assert [row["order_id"] for row in rows(engine)["orders"]] == [order]
    world.anvil.rpc("evm_revert", snapshot)
    world.now = now + 1
    other = world.propose(world.terms(world.milestone(amount=7)))
    for _ in range(10):
        world.mine()
    follow(world, engine)
    first = make_engine()
    follow(world, first)
    assert rows(engine) == rows(first)
    assert [row["order_id"] for row in rows(engine)["orders"]] == [other]


@pytest.mark.long
def test_a_node_that_comes_to_orders_later_catches_up(
    world: World, engine: Engine, make_engine: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latecomers, "RANGE_MAX", 7)
    without = replace(world.deployment, escrow=None)
    untold = replace(world.deployment, escrow=Escrow.at(world.escrow))
    play = Play(world, 13)
    play.begin()
    play.act(20)
    follow(world, engine, without)
    assert rows(engine)["escrow_logs"] == []
    play.act(10)
    follow(world, engine, untold)
    assert {row["token"] for row in rows(engine)["escrow_logs"] if row["kind"] == 14} == set()
    play.act(10)
    follow(world, engine, without)
    play.act(10)
    follow(world, engine)
    first = make_engine()
    follow(world, first)
    assert rows(engine) == rows(first)


def test_a_database_keeps_to_its_escrow(world: World, engine: Engine) -> None:
    bind(engine, replace(world.deployment, escrow=None))
    bind(engine, world.deployment)
    bind(engine, replace(world.deployment, escrow=None))
    with pytest.raises(WrongDeployment, match="belongs to the DeliveryEscrow"):
        bind(engine, replace(world.deployment, escrow=Escrow.at(world.token)))


def test_an_escrow_of_another_event_log_is_refused(world: World, engine: Engine) -> None:
    with pytest.raises(WrongDeployment, match="is no DeliveryEscrow"):
        follow(world, engine, replace(world.deployment, escrow=Escrow(world.receivable, world.receivable)))
    with pytest.raises(WrongDeployment, match="another receivable"):
        follow(world, engine, replace(world.deployment, escrow=Escrow(world.escrow, world.token)))


def test_a_token_is_asked_once_how_it_counts(world: World, engine: Engine) -> None:
    world.funded(world.terms(world.milestone()))
    follow(world, engine)
    assert tokens.step(engine, world.chain, world.deployment).done == 1
    assert tokens.step(engine, world.chain, world.deployment).done == 0
    with reading(engine) as session:
        assert tokens.token_of(session, world.token) == tokens.Token(world.token, 2, "XTS")


def test_an_order_that_nobody_proposed_is_unknown(world: World, engine: Engine) -> None:
    order = world.propose(world.terms(world.milestone()))
    follow(world, engine)
    with reading(engine) as session:
        assert orderbook.order_of(session, order).state is State.PROPOSED
        with pytest.raises(UnknownOrder):
            orderbook.order_of(session, NOBODY + bytes(12))


def test_orders_cost_the_follower_no_further_request(world: World, engine: Engine) -> None:
    order = world.funded(world.terms(world.milestone()))
    follow(world, engine)
    asked: list[str] = []
    ask_each = world.chain._rpc.ask_each

    def counted(questions: Sequence[Question]) -> list[Any]:
        asked.append(questions[0][0])
        return ask_each(questions)

    world.settle(order, world.attest(ROASTER, order, "A-1", 3))
    follow(world, engine)
    world.collect(GROWER)
    world.chain._rpc.ask_each = counted  # type: ignore[method-assign]
    try:
        follow(world, engine)
    finally:
        world.chain._rpc.ask_each = ask_each  # type: ignore[method-assign]
    # The block and its logs; then that there is nothing more.
    assert asked == ["eth_getBlockByNumber", "eth_getLogs", "eth_getBlockByNumber"]


def test_what_was_read_without_a_contract_that_has_caught_up_meanwhile_is_thrown_away(
    world: World, engine: Engine, make_engine: Callable[[], Engine]
) -> None:
    without = replace(world.deployment, escrow=None)
    order = world.propose(world.terms(world.milestone()))
    follow(world, engine, without)
    with reading(engine) as session:
        position = session.get_one(PositionRow, follower.NAME)
        contracts = latecomers.in_step(session, world.deployment)
        session.expunge_all()
    world.act(GROWER, "accept", order)
    head = world.chain.head()
    segment = follower._read(world.chain, contracts, position, head)
    assert segment is not None
    # Another process brings the escrow up to the position, where the segment begins.
    latecomers.step(engine, world.chain, world.deployment, follower.NAME)
    follower._apply(engine, world.deployment, position, segment, Tip(head, head.at), AnchoringSettings(), 0)
    follow(world, engine)
    first = make_engine()
    follow(world, first)
    assert rows(engine) == rows(first)
    assert book_of(engine).orders[order].state is State.ACCEPTED
