"""One database, many processes: two servers, one of them in two processes, each with a worker; all of one company.

given a hundred captures at once, and each of them once more
├── each event is recorded once, whoever was asked, and numbers run on without a gap
├── each record is anchored once, and each batch by one transaction
└── everybody gives the same answers
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from ledger.abi import interface
from ledger.database import open_engine, reading
from ledger.hexadecimal import from_hex, to_address, to_hex
from ledger.tables import AnchorRow, AttemptRow, BatchRow, RecordRow, TransactionRow
from tests.databases import Databases
from tests.scenarios.nodes import ACCEPTED, Company, Served, document, founded_consortium, happened, joined

pytestmark = pytest.mark.slow

CAPTURES = 100
READER = "urn:epc:id:sgln:9521234.50000.0"


def sack(number: int) -> str:
    return f"urn:epc:id:sgtin:9521234.000107.{number}"


def filled(number: int) -> bytes:
    """A capture of two events."""
    first, second = (
        happened(minutes_ago, type="ObjectEvent", action=action, bizStep=step, readPoint={"id": READER},
                 epcList=[sack(number)])
        for minutes_ago, action, step in ((40, "ADD", "commissioning"), (30, "OBSERVE", "storing"))
    )  # fmt: skip
    return document(first, second)


@dataclass(frozen=True)
class Busy:
    """The company, its two servers, and what they answered to each capture, in the order in which it was asked."""

    company: Company
    servers: tuple[Served, Served]
    answers: list[list[httpx.Response]]
    engine: Engine


@pytest.fixture(scope="module")
def busy(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    folder = tmp_path_factory.mktemp(f"side-by-side-{databases.kind}")
    with founded_consortium(folder) as consortium, databases.empty() as url:
        company, api_key = joined(folder / "grower", "grower", consortium, url)
        with company.server("--processes", "2") as one, company.server() as other:
            servers = Served(one, api_key), Served(other, api_key)
            answers = asked_at_once(servers)
            for answer in itertools.chain(*answers):
                if answer.json()["events"][0]["status"] == ACCEPTED:
                    servers[0].await_final(answer)
            engine = open_engine(url)
            yield Busy(company, servers, answers, engine)
            engine.dispose()


def asked_at_once(servers: tuple[Served, Served]) -> list[list[httpx.Response]]:
    """Hands in every capture twice, to a server each, all at the same time and in no order."""
    bodies = [filled(number) for number in range(CAPTURES)]
    order = [(number, server) for number in range(CAPTURES) for server in servers]
    random.Random(7).shuffle(order)
    answers: list[list[httpx.Response]] = [[] for _ in bodies]
    with ThreadPoolExecutor(CAPTURES) as pool:
        asked = [(number, pool.submit(server.post, "/capture", bodies[number])) for number, server in order]
        for number, answer in asked:
            answers[number].append(answer.result())
    return answers


def record_hashes(answer: httpx.Response) -> list[str]:
    return [event["recordHash"] for event in answer.json()["events"]]


def test_each_capture_is_accepted_by_one_and_known_to_the_other(busy: Busy) -> None:
    for answers in busy.answers:
        assert [answer.status_code for answer in answers] == [202, 202], [answer.text for answer in answers]
        assert record_hashes(answers[0]) == record_hashes(answers[1])
        assert sorted(event["status"] == "known" for answer in answers for event in answer.json()["events"]) == [
            False, False, True, True,
        ]  # fmt: skip


def test_every_event_is_recorded_once_and_numbers_have_no_gap(busy: Busy) -> None:
    with reading(busy.engine) as session:
        rows = session.exec(select(RecordRow).order_by(RecordRow.id)).all()
    assert [row.sequence for row in rows] == list(range(2 * CAPTURES))
    assert [row.id for row in rows] == list(range(1, 2 * CAPTURES + 1))
    accepted = {name for answers in busy.answers for name in record_hashes(answers[0])}
    assert {to_hex(row.record_hash) for row in rows} == accepted
    assert len({row.event_hash for row in rows}) == 2 * CAPTURES


def test_every_record_is_anchored_once_by_one_transaction_a_batch(busy: Busy) -> None:
    consortium = busy.company.consortium
    with reading(busy.engine) as session:
        batches = session.exec(select(BatchRow)).all()
        of_batch = Counter(session.exec(select(RecordRow.batch_id)).all())
        anchors = session.exec(select(AnchorRow)).all()
        transactions = session.exec(select(TransactionRow)).all()
        attempts = session.exec(select(AttemptRow)).all()
    assert {batch.id: batch.leaf_count for batch in batches} == of_batch
    assert sum(of_batch.values()) == 2 * CAPTURES
    assert {anchor.root: anchor.leaf_count for anchor in anchors} == {each.root: each.leaf_count for each in batches}
    assert {transaction.state for transaction in transactions} == {"final"}
    # What the chain has of this account: nothing was sent twice, under no number.
    node = next(iter({transaction.sender for transaction in transactions if transaction.intent.startswith("anchor:")}))
    count = consortium.anvil.rpc("eth_getTransactionCount", to_address(node), "latest")
    assert int(str(count), 16) == len(batches) == len(attempts) - (len(transactions) - len(batches))
    assert sorted(each.nonce or 0 for each in transactions if each.sender == node) == list(range(len(batches)))
    assert sorted(roots_on_chain(busy)) == sorted(batch.root for batch in batches)


def roots_on_chain(busy: Busy) -> list[bytes]:
    """The root of every Anchored log, as often as it is there."""
    contract = busy.company.consortium.deployment.event_log
    asked = {
        "address": to_address(contract),
        "fromBlock": "0x0",
        "topics": [to_hex(interface("EventLog").topic("Anchored"))],
    }
    logs: Any = busy.company.consortium.anvil.rpc("eth_getLogs", asked)
    return [from_hex(log["topics"][1], 32) for log in logs]


def test_everybody_gives_the_same_answers(busy: Busy) -> None:
    histories = [server.history(sack(17)) for server in busy.servers]
    assert histories[0] == histories[1]
    assert [event["state"] for event in histories[0]] == ["verified", "verified"]
    assert busy.servers[0].proof(sack(17)) == busy.servers[1].proof(sack(17))
