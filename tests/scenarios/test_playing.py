"""Playing the story on a real embedded chain.

play
├── to the end                  every event is a final record, anchored when it happened; nothing jumps past now
├── a withdrawn sale            its withdrawal is on chain
├── the orders                  end as their stories say, to the cent, and pay whom they should
│   └── played again            nothing is done twice
├── interrupted between steps   goes on behind what is recorded
└── killed before anchoring     what was recorded is anchored next time, nothing is recorded twice
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func
from sqlmodel import col, select

from api.keyring import NODE_KEY
from ledger.chain import Chain
from ledger.database import create_tables, open_engine, reading
from ledger.deployment import bind
from ledger.devnet import Devnet
from ledger.escrow import LogPlace
from ledger.journal import Controlled, Journal, in_order
from ledger.orderbook import credits_of, logs, order_of
from ledger.orders import State
from ledger.tables import AnchorRow, BatchRow, RecordRow, TransactionRow, WithdrawalRow
from ledger.tokens import holding_of
from scripts.founding import Founding, make_keys
from scripts.playing import STEP, Stage, is_all_final
from scripts.scenario import PARTIES, PURSES, Story
from scripts.scenario.deals import CASE_PRICES, MISSING_CASES, ROYALTY_BPS
from scripts.scenario.parties import FINCA
from scripts.scenario.roastery import BLEND_BAG_ITEM
from tests.conftest import free_port
from tests.databases import Databases
from traceability.tables import CaptureJobRow

# web3 keeps a connection for each thread and lets go of it when it is collected.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.filterwarnings(
        "ignore:unclosed <socket:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
    ),
]


class Killed(Exception):
    """Stands for a SIGKILL."""


@contextmanager
def stage_in(data: Path, database_url: str) -> Iterator[Stage]:
    keys = make_keys(data / "keys")
    devnet = Devnet.start(data / "chain", port=free_port(), started_at=int(time.time()) - 120 * 86_400)
    engine = open_engine(database_url)
    try:
        chain = Chain(devnet.rpc_url, devnet.chain_id)
        deployment = Founding(devnet, chain, keys).run()
        create_tables(engine)
        bind(engine, deployment)
        yield Stage(engine, devnet, chain, deployment, keys)
    finally:
        engine.dispose()
        devnet.stop()


@pytest.fixture(scope="module")
def played(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Story]]:
    with databases.empty() as url, stage_in(tmp_path_factory.mktemp("data"), url) as stage:
        story = stage.story()
        stage.play(stage.remaining(story), lambda _: None, story.orders)
        yield stage, story


def test_every_event_of_the_story_is_a_final_record(played: tuple[Stage, Story]) -> None:
    stage, story = played
    with reading(stage.engine) as session:
        assert is_all_final(session)
        assert session.exec(select(func.count()).select_from(RecordRow)).one() == story.event_count
        assert session.exec(select(func.count()).select_from(CaptureJobRow)).one() == len(story.captures)
    assert stage.remaining(story) == []


def test_records_are_anchored_when_they_happened(played: tuple[Stage, Story]) -> None:
    stage, _ = played
    query = (
        select(RecordRow.received_at_us, AnchorRow.anchored_at)
        .join(BatchRow, col(BatchRow.id) == RecordRow.batch_id)
        .join(AnchorRow, col(AnchorRow.root) == BatchRow.root)
    )
    with reading(stage.engine) as session:
        lags_s = [anchored_at - received_at_us / 1_000_000 for received_at_us, anchored_at in session.exec(query)]
    assert min(lags_s) >= 0
    assert max(lags_s) <= STEP.total_seconds() + 2
    assert stage.devnet.head_at < time.time()


def test_the_withdrawal_of_the_mistaken_sale_is_on_chain(played: tuple[Stage, Story]) -> None:
    stage, _ = played
    with reading(stage.engine) as session:
        (withdrawal,) = session.exec(select(WithdrawalRow)).all()
        record = session.exec(select(RecordRow).where(RecordRow.record_hash == withdrawal.record_hash)).one()
    assert withdrawal.party == record.party == stage.keys["retailer"].address
    assert record.signer == stage.keys["retailer-till"].address


def test_each_order_ends_as_its_story_says(played: tuple[Stage, Story]) -> None:
    stage, story = played
    trader, start_at = stage.trader, stage.devnet.genesis_at
    with reading(stage.engine) as session:
        ended = {order.number: order_of(session, trader.order_of(order, start_at)) for order in story.orders}
    amounts = {order.number: order.amount for order in story.orders}
    assert {order.state for order in ended.values()} == {State.ENDED}
    share = {"PO-E-101": 10_000, "PO-E-104": 4_000, "PO-E-105": 0, "PO-N-0918": 9_700, "PO-M-2207": 10_000,
             "PO-D-0078": 10_000}  # fmt: skip
    assert {name: ended[name].paid for name in share} == {
        name: amounts[name] * bps // 10_000 for name, bps in share.items()
    }
    graded = next(order for order in story.orders if order.number == "PO-N-0917")
    assert ended["PO-N-0917"].returned == graded.lines[1].amount * 1_250 // 10_000
    assert ended["PO-L-0311"].returned == MISSING_CASES * CASE_PRICES[BLEND_BAG_ITEM]
    assert all(order.paid + order.returned == amounts[name] for name, order in ended.items())
    assert ended["PO-E-101"].holders[-1] == stage.keys["financier"].address


def test_the_money_is_where_the_orders_have_brought_it(played: tuple[Stage, Story]) -> None:
    stage, story = played
    escrow = stage.deployment.require_escrow()
    (token,) = escrow.tokens
    accounts = {party: stage.keys[party.slug].address for party in PARTIES}
    held = {party: holding_of(stage.chain, token, account, escrow.address).balance
            for party, account in accounts.items()}  # fmt: skip
    with reading(stage.engine) as session:
        moved = list(logs(session))
        assert credits_of(session, accounts.values()) == {}
    assert holding_of(stage.chain, token, escrow.address, escrow.address).balance == 0
    assert sum(held.values()) == sum(PURSES.values())
    royalty = next(order for order in story.orders if order.splits)
    assert held[FINCA] == sum(line.amount * ROYALTY_BPS // 10_000 for line in royalty.lines)
    for party, account in accounts.items():
        # The journal of the same logs comes to what the token says.
        entries = Journal(account, escrow.address, {token: "XTS"}).book(
            in_order(moved, [Controlled(LogPlace(0, 0, 0, b""), account, account)])
        )
        ours = [
            posting.amount for entry in entries for posting in entry.postings
            if posting.account.startswith("Assets:Token:")
        ]  # fmt: skip
        assert sum(ours) == held[party], party.slug


def test_an_order_that_was_played_is_not_played_again(played: tuple[Stage, Story]) -> None:
    stage, story = played
    with reading(stage.engine) as session:
        before = session.exec(select(func.count()).select_from(TransactionRow)).one()
    stage.play([], lambda _: None, story.orders)
    with reading(stage.engine) as session:
        assert session.exec(select(func.count()).select_from(TransactionRow)).one() == before


def test_a_play_that_was_interrupted_goes_on_behind_what_is_recorded(tmp_path: Path, database_url: str) -> None:
    with stage_in(tmp_path, database_url) as stage:
        story = stage.story()
        with pytest.raises(Killed):
            stage.play(story.captures[:40], _killed_after(events=30))
        behind = len(stage.remaining(story))
        assert len(story.captures) - 40 <= behind < len(story.captures) - 20
    with stage_in(tmp_path, database_url) as stage:
        assert stage.story() == story
        remaining = stage.remaining(story)
        assert len(remaining) == behind
        stage.play(remaining[:3], lambda _: None)
        assert len(stage.remaining(story)) == behind - 3


def test_what_was_recorded_before_a_kill_is_anchored_and_not_recorded_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage_in(tmp_path, database_url) as stage:
        story = stage.story()
        stage.play([], lambda _: None)
        monkeypatch.setattr(Stage, "anchor", _killed_on_the_second_call(Stage.anchor))
        with pytest.raises(Killed):
            stage.play(story.captures[:10], lambda _: None)
        monkeypatch.undo()
        with reading(stage.engine) as session:
            assert not is_all_final(session)
        recorded = len(story.captures) - len(stage.remaining(story))
        assert recorded > 0
    with stage_in(tmp_path, database_url) as stage:
        stage.play(stage.remaining(story)[:1], lambda _: None)
        with reading(stage.engine) as session:
            assert is_all_final(session)
            count = session.exec(select(func.count()).select_from(RecordRow)).one()
        assert count == sum(len(each.events) for each in story.captures[: recorded + 1])


def test_the_node_key_alone_pays_for_anchors(played: tuple[Stage, Story]) -> None:
    stage, _ = played
    with reading(stage.engine) as session:
        operators = set(session.exec(select(AnchorRow.operator)).all())
    assert operators == {stage.keys["operator"].address}
    assert stage.chain.transaction_counts([stage.keys[NODE_KEY].address])[0] > 0


def _killed_after(*, events: int):  # type: ignore[no-untyped-def]
    behind = 0

    def went_on(count: int) -> None:
        nonlocal behind
        behind += count
        if behind >= events:
            raise Killed

    return went_on


def _killed_on_the_second_call(anchor):  # type: ignore[no-untyped-def]
    calls = 0

    def killed(stage: Stage, at: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed
        anchor(stage, at)

    return killed
