"""devnet: what was mined is there after every kind of end, hash for hash."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import Block, Chain
from ledger.devnet import SETTLE_S, Devnet
from ledger.errors import ChainError, DevnetError
from ledger.keystore import LocalSigner
from ledger.transaction import Transaction, sign

GENESIS = 1_800_000_000
SENDERS = [LocalSigner(bytes([number]) * 32) for number in (1, 2, 3)]


@pytest.fixture
def start(tmp_path: Path, port: int) -> Any:
    """Starts (again) the embedded chain of one data folder."""
    started: list[Devnet] = []

    def start(port: int = port) -> Devnet:
        started.append(Devnet.start(tmp_path / "chain", port=port, started_at=GENESIS))
        return started[-1]

    yield start
    for devnet in started:
        devnet.stop()


def chain_of(devnet: Devnet) -> Chain:
    return Chain(devnet.rpc_url, devnet.chain_id)


def raw(devnet: Devnet, signer: LocalSigner, nonce: int, data: bytes = b"") -> bytes:
    to = SENDERS[0].address
    return sign(Transaction(devnet.chain_id, nonce, to, data, gas=100_000, tip_wei=0, max_fee_wei=0), signer)


def blocks(devnet: Devnet) -> list[Block | None]:
    return chain_of(devnet).blocks(range(devnet.head_number + 1))


def play(devnet: Devnet, seed: int, count: int) -> None:
    """Random senders hand in random numbers of transactions, in random order, over so many blocks."""
    dice, nonces = random.Random(seed), [0, 0, 0]
    chain = chain_of(devnet)
    for number in range(count):
        waiting = []
        for index, sender in enumerate(SENDERS):
            for _ in range(dice.randrange(3)):
                waiting.append(raw(devnet, sender, nonces[index], dice.randbytes(dice.randrange(40))))
                nonces[index] += 1
        dice.shuffle(waiting)
        for transaction in waiting:
            chain.send(transaction)
        devnet.step(GENESIS + 10 * number)


def test_nothing_is_mined_while_nothing_waits(start: Callable[[], Devnet]) -> None:
    devnet = start()
    assert devnet.step(GENESIS + 5) is False
    assert devnet.head_number == 0


def test_a_chain_that_stands_still_says_what_time_its_next_block_would_have(start: Callable[[], Devnet]) -> None:
    devnet = start()
    for now in (GENESIS + 5, GENESIS + 90, GENESIS + 60):
        devnet.step(now)
    tip = chain_of(devnet).tip()
    assert (tip.head.at, tip.next_at, devnet.head_number) == (GENESIS, GENESIS + 90, 0)
    # What it was told does not hold its blocks up.
    devnet.mine_at(GENESIS + 70)
    devnet.mine_at(GENESIS + 70)
    assert devnet.head_at == chain_of(devnet).tip().next_at == GENESIS + 70


def test_what_waits_is_mined_at_the_time_given_by_senders_without_funds(start: Callable[[], Devnet]) -> None:
    devnet = start()
    chain_of(devnet).send(raw(devnet, SENDERS[0], 0))
    assert devnet.step(GENESIS + 5) is True
    assert (devnet.head_number, devnet.head_at, chain_of(devnet).head().at) == (1, GENESIS + 5, GENESIS + 5)
    assert chain_of(devnet).transaction_counts([SENDERS[0].address], 1) == [1]


def test_a_clock_that_went_back_makes_no_block_earlier_than_the_newest(start: Callable[[], Devnet]) -> None:
    devnet = start()
    devnet.mine_at(GENESIS + 100)
    chain_of(devnet).send(raw(devnet, SENDERS[0], 0))
    devnet.step(GENESIS + 50)
    assert chain_of(devnet).head().at == GENESIS + 100


def test_one_empty_block_follows_a_while_after_the_last_full_one(start: Callable[[], Devnet]) -> None:
    devnet = start()
    chain_of(devnet).send(raw(devnet, SENDERS[0], 0))
    mined = [devnet.step(GENESIS + 10 + second) for second in range(3 * SETTLE_S)]
    assert mined == [second in (0, SETTLE_S) for second in range(3 * SETTLE_S)]


def test_an_anvil_that_is_killed_is_replayed_to_the_same_blocks(start: Callable[[], Devnet]) -> None:
    devnet = start()
    play(devnet, seed=1, count=30)
    before = blocks(devnet)
    os.kill(devnet.pid, signal.SIGKILL)
    devnet.step(devnet.head_at)
    assert blocks(devnet) == before


def test_a_chain_that_was_stopped_is_replayed_to_the_same_blocks(start: Callable[[], Devnet]) -> None:
    devnet = start()
    play(devnet, seed=2, count=30)
    before, chain_id = blocks(devnet), devnet.chain_id
    devnet.stop()
    again = start()
    assert (again.chain_id, blocks(again)) == (chain_id, before)
    again.stop()


def test_the_anvil_of_a_killed_supervisor_is_ended(start: Callable[..., Devnet], tmp_path: Path) -> None:
    devnet = start()
    play(devnet, seed=3, count=3)
    before = blocks(devnet)
    devnet._lock.close()  # what the kernel does when the supervisor is killed
    again = start(port=devnet._port)
    assert devnet._process.wait() == -signal.SIGKILL
    assert blocks(again) == before


def test_a_block_that_was_written_but_not_mined_is_mined_by_the_replay(start: Callable[[], Devnet]) -> None:
    devnet = start()
    play(devnet, seed=4, count=3)
    head = devnet.head_number
    transaction = raw(devnet, SENDERS[0], chain_of(devnet).transaction_counts([SENDERS[0].address], head)[0])
    devnet.stop()
    with (Path(devnet._folder) / "blocks.journal").open("ab") as file:
        line = {"number": head + 1, "parent": "0x" + devnet._head_hash.hex(), "at": devnet.head_at + 7,
                "transactions": ["0x" + transaction.hex()]}  # fmt: skip
        file.write(json.dumps(line).encode() + b"\n")
    again = start()
    assert again.head_number == head + 1
    assert chain_of(again).head().at == devnet.head_at + 7
    again.stop()


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_last_line_that_was_cut_short_is_dropped(start: Callable[[], Devnet], kept: int) -> None:
    devnet = start()
    play(devnet, seed=5, count=5)
    before = blocks(devnet)
    devnet.stop()
    path = Path(devnet._folder) / "blocks.journal"
    line = path.read_bytes().splitlines(keepends=True)[-1]
    with path.open("ab") as file:
        file.write(line[:kept])
    again = start()
    assert blocks(again) == before
    chain_of(again).send(raw(again, LocalSigner(b"\x09" * 32), 0))
    again.step(again.head_at)
    again.stop()
    assert start().head_number == len(before)


def test_a_damaged_journal_is_refused_with_the_place(start: Callable[[], Devnet]) -> None:
    devnet = start()
    play(devnet, seed=6, count=4)
    devnet.stop()
    path = Path(devnet._folder) / "blocks.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"{}\n" + b"".join(lines[2:]))
    with pytest.raises(DevnetError, match=f"byte {len(lines[0])} of"):
        start()


def test_a_journal_that_comes_out_otherwise_is_refused(start: Callable[[], Devnet]) -> None:
    devnet = start()
    play(devnet, seed=7, count=4)
    devnet.stop()
    path = Path(devnet._folder) / "blocks.journal"
    path.write_text(path.read_text().replace(f'"at":{GENESIS + 10},', f'"at":{GENESIS + 11},'))
    with pytest.raises(DevnetError, match="comes out otherwise"):
        start()


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.devnet.CHECKPOINT_BLOCKS", 10)


@pytest.mark.usefixtures("checkpoint")
def test_from_a_checkpoint_only_the_blocks_after_it_are_replayed(
    start: Callable[[], Devnet], monkeypatch: pytest.MonkeyPatch
) -> None:
    devnet = start()
    play(devnet, seed=8, count=40)
    before = blocks(devnet)
    sender, last = SENDERS[0].address, devnet.head_number
    counts = chain_of(devnet).transaction_counts([sender], last)
    call, mined = Devnet._call, []
    monkeypatch.setattr(Devnet, "_call", lambda self, *call_: (mined.append(call_[0]), call(self, *call_))[1])
    os.kill(devnet.pid, signal.SIGKILL)
    devnet.step(devnet.head_at)
    assert mined.count("evm_mine_detailed") == len(before) - 1 - (len(before) - 1) // 10 * 10
    assert blocks(devnet) == before
    assert chain_of(devnet).transaction_counts([sender], last) == counts
    play_on = raw(devnet, LocalSigner(b"\x09" * 32), 0)
    chain_of(devnet).send(play_on)
    devnet.step(devnet.head_at)
    before = blocks(devnet)
    devnet.stop()
    (Path(devnet._folder) / "checkpoint.json.gz").unlink()
    again = start()
    assert blocks(again) == before


@pytest.mark.usefixtures("checkpoint")
@pytest.mark.parametrize("damage", ["cut short", "of another chain"])
def test_a_checkpoint_that_does_not_fit_is_ignored(start: Callable[[], Devnet], tmp_path: Path, damage: str) -> None:
    devnet = start()
    play(devnet, seed=9, count=15)
    before = blocks(devnet)
    devnet.stop()
    path = Path(devnet._folder) / "checkpoint.json.gz"
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:100])
    else:
        other = Devnet.start(tmp_path / "other", port=devnet._port, started_at=GENESIS)
        play(other, seed=9, count=15)
        other.stop()
        path.write_bytes((tmp_path / "other" / "checkpoint.json.gz").read_bytes())
    assert blocks(start()) == before


def test_a_transaction_that_slips_in_before_mining_is_in_the_journal_too(
    start: Callable[[], Devnet], monkeypatch: pytest.MonkeyPatch
) -> None:
    devnet = start()
    chain = chain_of(devnet)
    chain.send(raw(devnet, SENDERS[0], 0))
    call = devnet._call

    def slip_in(method: str, *params: object) -> Any:
        if method == "evm_mine_detailed":
            chain.send(raw(devnet, SENDERS[1], 0))
        return call(method, *params)

    monkeypatch.setattr(devnet, "_call", slip_in)
    devnet.step(GENESIS + 5)
    monkeypatch.undo()
    assert chain.transaction_counts([SENDERS[1].address], 1) == [1]
    before = blocks(devnet)
    os.kill(devnet.pid, signal.SIGKILL)
    devnet.step(GENESIS + 5)
    assert blocks(devnet) == before


def test_no_block_is_mined_that_the_disk_refuses(start: Callable[[], Devnet], monkeypatch: pytest.MonkeyPatch) -> None:
    devnet = start()
    chain_of(devnet).send(raw(devnet, SENDERS[0], 0))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DevnetError, match="No space left"):
            devnet.step(GENESIS + 5)
    assert chain_of(devnet).head().number == 0
    assert (Path(devnet._folder) / "blocks.journal").read_bytes() == b""
    devnet.step(GENESIS + 6)
    assert chain_of(devnet).head().number == 1


def test_two_processes_cannot_run_one_chain(start: Callable[..., Devnet], tmp_path: Path) -> None:
    devnet = start()
    with pytest.raises(DevnetError, match="another process runs"):
        start(port=devnet._port + 1)


def test_no_two_chains_share_id_or_key(tmp_path: Path, start: Callable[[], Devnet]) -> None:
    devnet = start()
    devnet.stop()
    other = Devnet.start(tmp_path / "other", port=devnet._port, started_at=GENESIS)
    other.stop()
    assert other.chain_id != devnet.chain_id
    assert other.deployer.address != devnet.deployer.address


def test_a_port_that_is_taken_is_named(start: Callable[..., Devnet], tmp_path: Path) -> None:
    devnet = start()
    with pytest.raises(DevnetError, match=f"port {devnet._port}"):
        Devnet.start(tmp_path / "other", port=devnet._port, started_at=GENESIS)


def test_a_stopped_chain_does_not_answer(start: Callable[[], Devnet]) -> None:
    devnet = start()
    devnet.stop()
    with pytest.raises(ChainError) as caught:
        chain_of(devnet).head()
    assert caught.value.code == "chain_unreachable"
