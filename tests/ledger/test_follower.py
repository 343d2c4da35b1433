"""follower: by range, once, and undone where a fork undoes it. standing: its tables answer as the chain does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from ledger import follower
from ledger.abi import interface
from ledger.answers import StandingQuestion
from ledger.batch import AnchoringSettings
from ledger.chain import Chain, ChainView, Log, Tip
from ledger.consortium import FOREVER, RegistryDomain, call, consent_digest
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.devnet import Devnet
from ledger.errors import ChainError, ChainReason
from ledger.keystore import LocalSigner
from ledger.rpc import Question
from ledger.standing import LocalAnswers
from ledger.submission import plan
from ledger.tables import AnchorRow, BlockRow, PositionRow, RegistryLogRow, StrangeLogRow, WithdrawalRow
from ledger.transaction import Transaction, sign

GROWER, ROASTER = LocalSigner(b"\x11" * 32), LocalSigner(b"\x22" * 32)
PLANT, STRANGER = LocalSigner(b"\x33" * 32), LocalSigner(b"\x44" * 32)
LOG = interface("EventLog")
TABLES = (AnchorRow, WithdrawalRow, RegistryLogRow, BlockRow)


def count_requests(chain: Chain) -> list[str]:
    """From now on the requests made of the chain, as they are made, each by its first method."""
    asked: list[str] = []
    ask_each = chain._rpc.ask_each

    def counted(questions: Sequence[Question]) -> list[Any]:
        asked.append(questions[0][0])
        return ask_each(questions)

    chain._rpc.ask_each = counted  # type: ignore[method-assign]
    return asked


def derived(node: Any) -> dict[str, list[dict[str, Any]]]:
    with reading(node.engine) as session:
        return {table.__tablename__: sorted((row.model_dump() for row in session.exec(select(table))), key=repr)
                for table in TABLES}  # fmt: skip


def anchor_many(devnet: Devnet, deployment: Deployment, count: int) -> None:
    """The roaster anchors so many roots, one a block."""
    chain = Chain(devnet.rpc_url, devnet.chain_id)
    (nonce,) = chain.transaction_counts([ROASTER.address])
    for number in range(count):
        data = LOG.call("anchor", random.randbytes(32), 1)
        to = deployment.event_log
        chain.send(sign(Transaction(devnet.chain_id, nonce + number, to, data, 300_000, 0, 0), ROASTER))
        devnet.mine_at(devnet.head_at + 1)


def test_an_idle_chain_costs_one_request(node: Any) -> None:
    asked = count_requests(node.worker.chain)
    node.pass_by(1)
    assert asked == ["eth_getBlockByNumber"]


def test_a_new_block_costs_two_requests(node: Any, devnet: Devnet, deployment: Deployment) -> None:
    anchor_many(devnet, deployment, 1)
    asked = count_requests(node.worker.chain)
    node.pass_by()
    assert asked == ["eth_getBlockByNumber", "eth_getLogs"]


def test_a_node_that_comes_late_reads_what_the_others_read_block_by_block(
    node: Any, devnet: Devnet, deployment: Deployment, make_node: Callable[..., Any]
) -> None:
    for _ in range(20):
        anchor_many(devnet, deployment, 1)
        node.pass_by()
    for _ in range(follower.KEPT_MAX + 40):
        devnet.mine_at(devnet.head_at + 1)
    node.settle()
    late = make_node(node.worker.chain, deployment, devnet.step)
    late.settle()
    assert derived(late) == derived(node)
    with reading(late.engine) as session:
        positions = session.exec(select(PositionRow)).one().model_dump(exclude={"contact_at_us", "next_at"})
    with reading(node.engine) as session:
        assert session.exec(select(PositionRow)).one().model_dump(exclude={"contact_at_us", "next_at"}) == positions


def test_a_node_that_finds_a_range_too_large_is_asked_for_less(
    node: Any, devnet: Devnet, deployment: Deployment, make_node: Callable[..., Any]
) -> None:
    class Narrow(Chain):
        def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[Log]:
            if last - first >= 5:
                raise ChainError(ChainReason.TOO_MUCH, "query returned more than 10 results")
            return super().logs(addresses, first, last)

    anchor_many(devnet, deployment, 12)
    late = make_node(Narrow(devnet.rpc_url, devnet.chain_id), deployment, devnet.step)
    late.settle()
    node.settle()
    assert derived(late) == derived(node)


def test_applying_twice_is_applying_once(node: Any, devnet: Devnet, deployment: Deployment) -> None:
    with reading(node.engine) as session:
        before = session.get(PositionRow, follower.NAME)
    anchor_many(devnet, deployment, 3)
    head = node.worker.chain.head()
    contracts = [deployment.event_log, deployment.party_registry]
    segment = follower._read(node.worker.chain, contracts, before, head)
    node.settle()
    once = derived(node)
    follower._apply(node.engine, deployment, before, segment, Tip(head, head.at), AnchoringSettings(), node.now_us)
    assert derived(node) == once


def test_a_log_that_nobody_understands_is_set_aside_and_blocks_nothing(
    node: Any, devnet: Devnet, deployment: Deployment, make_node: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    anchor_many(devnet, deployment, 2)
    node.settle()
    other = make_node(node.worker.chain, deployment, devnet.step)
    # Read as EventLog's, the registry's logs make no sense.
    swapped = replace(deployment, event_log=deployment.party_registry, party_registry=deployment.event_log)
    with writing(other.engine) as session:
        genesis = node.worker.chain.blocks([0])[0]
        session.add(PositionRow(name=follower.NAME, block_number=0, block_hash=genesis.hash, block_at=genesis.at,
                                final_number=0, final_at=genesis.at, contact_at_us=0))  # fmt: skip
    follower.step(other.engine, other.worker.chain, swapped, AnchoringSettings(), other.now_us)
    with reading(other.engine) as session:
        strange = session.exec(select(StrangeLogRow)).all()
        assert session.get(PositionRow, follower.NAME).block_number == devnet.head_number
    assert len(strange) > 2
    assert all("no event of the contract has the topic" in row.reason for row in strange)
    assert "is set aside" in caplog.text


def test_a_chain_that_became_shorter_is_waited_for_then_believed(start_anvil: Callable[..., Any], node: Any) -> None:
    settings = AnchoringSettings()
    anvil = start_anvil(chain_id=node.worker.chain.chain_id)
    with writing(node.engine) as session:
        session.delete(session.get(PositionRow, follower.NAME))
    chain = Chain(anvil.url, anvil.chain_id)
    anvil.rpc("anvil_mine", "0x5")
    origin = chain.blocks([0])[0]
    with writing(node.engine) as session:
        for row in session.exec(select(BlockRow)).all():
            session.delete(row)
        session.add(PositionRow(name=follower.NAME, block_number=0, block_hash=origin.hash, block_at=origin.at,
                                final_number=0, final_at=origin.at, contact_at_us=node.now_us))  # fmt: skip
    step = lambda seconds: follower.step(  # noqa: E731 - three calls of it
        node.engine, chain, node.worker.deployment, settings, node.now_us + seconds * 1_000_000
    )
    step(0)
    anvil.rpc("anvil_rollback", 2)
    assert "behind" in step(1).complaints[0]
    with reading(node.engine) as session:
        assert session.get(PositionRow, follower.NAME).block_number == 5
    step(61)
    with reading(node.engine) as session:
        assert session.get(PositionRow, follower.NAME).block_number == 3


def test_the_tables_answer_as_the_chain_does(node: Any, devnet: Devnet, deployment: Deployment) -> None:
    dice = random.Random(4)
    domain = RegistryDomain(deployment.chain_id, deployment.party_registry)

    def act(sender: LocalSigner, to: bytes, data: bytes) -> None:
        with writing(node.engine) as session:
            plan(session, intent=dice.randbytes(8).hex(), sender=sender.address, to=to, data=data, now_us=node.now_us)
        node.settle(seconds=1)

    node.worker = replace(node.worker, signers={GROWER.address: GROWER, ROASTER.address: ROASTER})
    consent = PLANT.sign(consent_digest(domain, GROWER.address, PLANT.address, 9, 0, FOREVER))
    act(GROWER, deployment.party_registry, call("authorise", PLANT.address, 9, 0, FOREVER, consent))
    records = node.record(3) + node.record(2, signer=PLANT, party=GROWER.address)
    node.settle(seconds=3)
    node.settle(seconds=5)
    act(GROWER, deployment.event_log, LOG.call("withdraw", records[0], b""))
    act(GROWER, deployment.party_registry, call("revoke", PLANT.address, 1))
    node.settle(seconds=5)
    roots = [batch.root for batch in node.batches()] + [dice.randbytes(32)]
    view = ChainView.newest(node.worker.chain, deployment.event_log, deployment.party_registry)
    times = [node.now - ago for ago in (0, 1, 4, 5, 6, 9, 10, 12, 15, 16, 3_000, 10_000)]
    signers = [signer.address for signer in (GROWER, ROASTER, PLANT, STRANGER)]
    questions = [StandingQuestion(signer, use, at, sequence) for signer in signers for use in (1, 2, 4, 8, 9)
                 for at in times if at <= view.now_at for sequence in (0, 1, 2)]  # fmt: skip
    pairs = [(party, record) for party in (GROWER.address, ROASTER.address) for record in records]
    with reading(node.engine) as session:
        local = LocalAnswers.of(session)
        assert (local.now_at, local.block_number) == (view.now_at, view.block_number)
        assert local.anchored_at(roots) == view.anchored_at(roots)
        assert local.withdrawn_at(pairs) == view.withdrawn_at(pairs)
        assert local.standing_of(questions) == view.standing_of(questions)
        assert len({answer.party for answer in local.standing_of(questions)}) == 3
        assert any(answer.disowned for answer in local.standing_of(questions))
        for answers in (local, view):
            with pytest.raises(ChainError) as caught:
                answers.standing_of([StandingQuestion(GROWER.address, 1, view.now_at + 1, 0)])
            assert caught.value.reason is ChainReason.REVERTED


def test_a_root_in_a_block_that_is_not_final_yet_is_anchored_later(
    node: Any, devnet: Devnet, deployment: Deployment, make_node: Callable[..., Any]
) -> None:
    other = make_node(node.worker.chain, deployment, devnet.step, settings=AnchoringSettings(confirmations=5))
    for _ in range(5):
        devnet.mine_at(devnet.head_at + 1)
    root = bytes(31) + b"\1"
    chain = Chain(devnet.rpc_url, devnet.chain_id)
    data = LOG.call("anchor", root, 1)
    chain.send(sign(Transaction(devnet.chain_id, 0, deployment.event_log, data, 300_000, 0, 0), ROASTER))
    devnet.mine_at(devnet.head_at + 1)
    other.settle()
    view = ChainView.newest(chain, deployment.event_log, deployment.party_registry, confirmations=5)
    with reading(other.engine) as session:
        for answers in (LocalAnswers.of(session), view):
            assert answers.anchored_at([root]) == [0]
            assert answers.anchored_later([root, bytes(32)]) == [True, False]


def test_before_the_chain_was_read_there_is_no_answer(make_node: Callable[..., Any], deployment: Deployment) -> None:
    node = make_node(Chain("http://127.0.0.1:1", deployment.chain_id), deployment, lambda _: None)
    with reading(node.engine) as session, pytest.raises(ChainError, match="not been read yet"):
        LocalAnswers.of(session)
