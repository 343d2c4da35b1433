"""What is final is a setting: so many blocks, or what the chain calls `finalized`. Before that, how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.batch import AnchoringSettings
from ledger.chain import Chain, ChainView
from ledger.database import reading, writing
from ledger.deployment import deploy
from ledger.errors import ChainError, ChainReason
from ledger.follower import NAME
from ledger.keystore import LocalSigner
from ledger.outlook import Outlook, outlook_of, until_final_s
from ledger.standing import LocalAnswers
from ledger.tables import PositionRow
from ledger.worker import run_once

GROWER = LocalSigner(b"\x11" * 32)
SLOT_S = 12
BY_TAG = AnchoringSettings(by_tag=True)
# What Anvil calls finalized lies two epochs of 32 slots back, as on Ethereum.
ANVILS_LAG = 64


@pytest.fixture
def make_public(start_anvil: Callable[..., Any], make_node: Callable[..., Any]) -> Callable[..., Any]:
    """The founder's node on an Anvil with a block every twelve seconds, whenever `slots` lets them pass."""

    def make(settings: AnchoringSettings) -> Any:
        anvil = start_anvil(chain_id=952_003)
        anvil.rpc("anvil_setBalance", "0x" + GROWER.address.hex(), hex(10**21))
        chain = Chain(anvil.url, 952_003)
        founders = [(GROWER.address, ("9521234500001", "Highland Growers", 1, "", b""))]
        deployment = deploy(chain, GROWER, founders, wait=lambda: time.sleep(0.05))
        node = make_node(chain, deployment, lambda _: None, settings=settings)
        node.slots = lambda count: anvil.rpc("anvil_mine", hex(count), hex(SLOT_S))
        node.slots(2)
        node.now_us = time.time_ns() // 1000
        return node

    return make


def position(node: Any) -> PositionRow:
    with reading(node.engine) as session:
        found = session.get(PositionRow, NAME)
        session.expunge_all()
    assert found is not None
    return found


def outlook(node: Any) -> Outlook | None:
    with reading(node.engine) as session:
        return outlook_of(session, node.worker.anchoring, node.now_us)


def state(node: Any) -> str:
    (transaction,) = node.transactions()
    return str(transaction.state)


def test_by_the_chains_own_word_a_record_is_final_when_the_chain_calls_its_block_finalized(
    make_public: Callable[..., Any],
) -> None:
    node = make_public(BY_TAG)
    node.slots(ANVILS_LAG)
    node.settle()
    records = node.record(2)
    node.settle(seconds=3)
    (mined_in,) = {transaction.block_number for transaction in node.transactions()}
    assert state(node) == "mined"
    node.slots(ANVILS_LAG - 1)
    node.settle(seconds=1)
    assert position(node).final_number == mined_in - 1
    assert (state(node), node.anchored_at(records)) == ("mined", [0, 0])
    node.slots(1)
    node.settle(seconds=1)
    assert position(node).final_number == mined_in
    assert state(node) == "final"
    assert all(node.anchored_at(records))


def test_a_chain_and_the_follower_agree_on_what_is_finalized(make_public: Callable[..., Any]) -> None:
    node = make_public(BY_TAG)
    node.slots(ANVILS_LAG + 7)
    node.settle()
    deployment = node.worker.deployment
    view = ChainView.newest(node.worker.chain, deployment.event_log, deployment.party_registry, by_tag=True)
    with reading(node.engine) as session:
        local = LocalAnswers.of(session)
    assert (local.block_number, local.now_at) == (view.block_number, view.now_at)
    assert node.worker.chain.head().number - view.block_number == ANVILS_LAG


def test_before_the_contracts_are_final_nobody_is_taken_for_a_member(make_public: Callable[..., Any]) -> None:
    node = make_public(BY_TAG)
    records = node.record()
    node.settle(seconds=3)
    assert (node.transactions(), node.anchored_at(records)) == ([], [0])
    node.slots(ANVILS_LAG)
    node.settle(seconds=1)
    assert state(node) == "mined"


class Silent(Chain):
    """The same chain before its first finalized block: it names none."""

    def tip(self, *, with_finalized: bool = False) -> Any:
        return super().tip()


def test_a_chain_that_names_no_finalized_block_is_complained_of_and_followed_all_the_same(
    make_public: Callable[..., Any], make_node: Callable[..., Any]
) -> None:
    node = make_public(BY_TAG)
    silent = Silent(node.worker.chain.rpc_url, node.worker.chain.chain_id)
    other = make_node(silent, node.worker.deployment, lambda _: None, settings=BY_TAG)
    progress = run_once(other.worker, node.now_us)
    assert any("names no finalized block" in complaint for complaint in progress.complaints)
    assert position(other).block_number == silent.head().number
    deployment = node.worker.deployment
    with pytest.raises(ChainError, match="names no block that is finalized") as caught:
        ChainView.newest(silent, deployment.event_log, deployment.party_registry, by_tag=True)
    assert caught.value.reason is ChainReason.BAD_ANSWER


def test_a_finalized_block_of_another_branch_makes_nothing_final(make_public: Callable[..., Any]) -> None:
    node = make_public(BY_TAG)
    node.slots(ANVILS_LAG + 10)
    node.settle()
    before = position(node).final_number

    class Other(Chain):
        def tip(self, *, with_finalized: bool = False) -> Any:
            tip = super().tip(with_finalized=with_finalized)
            (kept,) = self.blocks([before + 5])
            assert kept is not None
            return type(tip)(tip.head, tip.next_at, type(kept)(kept.number, b"\7" * 32, kept.parent, kept.at, 0))

    other = Other(node.worker.chain.rpc_url, node.worker.chain.chain_id)
    node.worker = replace(node.worker, chain=other)
    node.pass_by(1)
    assert position(node).final_number == before


def test_what_is_finalized_while_no_block_comes_is_noticed_too(make_public: Callable[..., Any]) -> None:
    class Behind(Chain):
        def tip(self, *, with_finalized: bool = False) -> Any:
            tip = super().tip(with_finalized=with_finalized)
            (earlier,) = self.blocks([tip.head.number - ANVILS_LAG - 3])
            return type(tip)(tip.head, tip.next_at, earlier)

    node = make_public(BY_TAG)
    node.slots(ANVILS_LAG + 20)
    on_time = node.worker.chain
    node.worker = replace(node.worker, chain=Behind(on_time.rpc_url, on_time.chain_id))
    node.settle()
    head = on_time.head().number
    assert position(node).final_number == head - ANVILS_LAG - 3
    node.worker = replace(node.worker, chain=on_time)
    node.settle(seconds=0.1)
    assert (position(node).block_number, position(node).final_number) == (head, head - ANVILS_LAG)


def test_a_finalized_block_older_than_those_kept_is_taken_at_the_chains_word(make_public: Callable[..., Any]) -> None:
    node = make_public(AnchoringSettings(by_tag=True))
    node.slots(400)
    node.settle()
    with writing(node.engine) as session:
        row = session.get(PositionRow, NAME)
        assert row is not None
        row.final_number, row.final_at = 1, 1
    node.slots(1)

    class Late(Chain):
        def tip(self, *, with_finalized: bool = False) -> Any:
            tip = super().tip(with_finalized=with_finalized)
            return type(tip)(tip.head, tip.next_at, self.blocks([100])[0])

    chain = Late(node.worker.chain.rpc_url, node.worker.chain.chain_id)
    node.worker = replace(node.worker, chain=chain)
    node.pass_by(1)
    (block,) = chain.blocks([100])
    assert block is not None
    assert (position(node).final_number, position(node).final_at) == (100, block.at)


def test_how_long_it_takes_is_told_by_how_the_chain_went(make_public: Callable[..., Any]) -> None:
    node = make_public(AnchoringSettings(confirmations=6))
    node.slots(40)
    node.settle()
    records = node.record()
    node.settle(seconds=3)
    (mined_in,) = {transaction.block_number for transaction in node.transactions()}
    expected = outlook(node)
    assert expected is not None
    assert (expected.block_s, expected.depth, expected.batch_s) == (SLOT_S, 5, 2.0)
    assert expected.from_block_s(mined_in) == 5 * SLOT_S
    assert expected.from_capture_s == expected.batch_s + expected.mined_s + 5 * SLOT_S
    node.slots(3)
    node.settle(seconds=1)
    expected = outlook(node)
    assert expected is not None
    assert expected.from_block_s(mined_in) == 2 * SLOT_S
    node.slots(2)
    node.settle(seconds=1)
    expected = outlook(node)
    assert expected is not None
    assert (expected.from_block_s(mined_in), all(node.anchored_at(records))) == (0, True)


def test_a_record_waits_for_its_batch_then_for_its_block_then_for_those_on_top(make_public: Callable[..., Any]) -> None:
    node = make_public(AnchoringSettings(confirmations=6, batch_age_s_max=10.0))
    node.slots(40)
    node.settle()

    def wait_s(*records: bytes) -> float:
        expected = outlook(node)
        assert expected is not None
        with reading(node.engine) as session:
            return until_final_s(session, expected, records, node.now_us)

    (first,) = node.record()
    expected = outlook(node)
    assert expected is not None
    node.now_us += 4_000_000
    assert wait_s(first) == 6.0 + expected.from_batch_s
    node.settle(seconds=7)
    assert wait_s(first) == 5 * SLOT_S
    node.slots(2)
    node.settle(seconds=1)
    assert wait_s(first) == 3 * SLOT_S
    (second,) = node.record()
    later = outlook(node)
    assert later is not None
    # Whoever asks for several waits for the last of them.
    assert wait_s(first, second) == wait_s(second) == 10.0 + later.from_batch_s
    assert wait_s() == 0


def test_by_tag_the_wait_is_as_long_as_the_chain_lags(make_public: Callable[..., Any]) -> None:
    node = make_public(BY_TAG)
    node.slots(ANVILS_LAG + 20)
    node.settle()
    expected = outlook(node)
    assert expected is not None
    assert (expected.depth, expected.from_block_s(expected.head_number)) == (ANVILS_LAG, ANVILS_LAG * SLOT_S)


def test_of_a_chain_that_is_out_of_reach_nobody_knows_how_long_it_takes(make_public: Callable[..., Any]) -> None:
    node = make_public(AnchoringSettings())
    assert outlook(node) is None
    node.settle()
    assert outlook(node) is not None
    node.now_us += 61_000_000
    assert outlook(node) is None
