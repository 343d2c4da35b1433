"""The doctor finds what is wrong, says what to do, and finds nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlmodel import Session

from api.backup import back_up, restore
from api.doctor import Finding, examine
from api.node import Node, opened_node
from api.recording import now_us
from api.schema import METADATA
from api.settings import load_settings, write_rpc_url
from ledger.database import reading, writing
from ledger.tables import (
    AnchorRow,
    BatchRow,
    ChainLossRow,
    ContradictionRow,
    PositionRow,
    RecordRow,
    SequenceRow,
    StrangeLogRow,
    TransactionRow,
    TransactionState,
)
from tests.api.conftest import Tally, Village, bag, seen
from tests.databases import Databases
from traceability.repository import table
from traceability.tables import EventRow

numbers = iter(range(10**6))
RECORDS, EVENTS, BATCHES, ANCHORS = table(RecordRow), table(EventRow), table(BatchRow), table(AnchorRow)
TRANSACTIONS, SEQUENCES = table(TransactionRow), table(SequenceRow)


@pytest.fixture
def copied(village: Village, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the village's node on the same chain, without what other tests have left to complain of."""
    village.capture("grower", *[seen(bag(f"doctor-{next(numbers)}")) for _ in range(3)])
    back_up(village.node, tmp_path / "backup", now_us())
    folder = tmp_path / "copy"
    with databases.empty() as url:
        if databases.kind == "postgresql":
            monkeypatch.setenv("TALLY_DATABASE_URL", url)
        restore(tmp_path / "backup", folder, now_us(), skips_numbers=True)
        (folder / "keys" / "password").write_text("correct horse\n")
        write_rpc_url(load_settings(folder), village.rpc_url)
        with opened_node(folder) as node, writing(node.engine) as session:
            session.execute(delete(table(ContradictionRow)))
            is_failed = TRANSACTIONS.c.state == TransactionState.FAILED.value
            session.execute(update(TRANSACTIONS).where(is_failed).values(state=TransactionState.REPLACED.value))
        yield folder


def found(folder: Path) -> list[Finding]:
    return list(examine(folder, now_us(), is_full=True).findings)


def newest(session: Session) -> Any:
    """The newest of the grower's records, which is anchored."""
    query = select(RECORDS).where(RECORDS.c.batch_id.is_not(None)).order_by(RECORDS.c.id.desc()).limit(1)
    return session.execute(query).one()


def test_a_sound_node_is_found_sound(copied: Path, tally: Tally) -> None:
    assert found(copied) == []
    run = tally("doctor", "--data", copied, "--json")
    assert (run.code, run.json["findings"]) == (0, [])
    assert {"disk", "database", "chain", "keys", "records", "anchors"} <= set(run.json["checks"])
    assert tally("doctor", "--full", "--data", copied).out.startswith("nothing is wrong")


def altered_event(session: Session) -> None:
    is_it = EVENTS.c.record_id == newest(session).id
    session.execute(update(EVENTS).where(is_it).values(event=b'{"type":"ObjectEvent"}'))


def altered_signature(session: Session) -> None:
    row = newest(session)
    session.execute(update(RECORDS).where(RECORDS.c.id == row.id).values(signature=bytes(65)))


def altered_tree(session: Session) -> None:
    is_it = BATCHES.c.id == newest(session).batch_id
    session.execute(update(BATCHES).where(is_it).values(tree=bytes(32)))


def lost_batch(session: Session) -> None:
    session.execute(delete(BATCHES).where(BATCHES.c.id == newest(session).batch_id))


def lost_anchor(session: Session) -> None:
    root = session.execute(select(BATCHES.c.root).where(BATCHES.c.id == newest(session).batch_id)).scalar_one()
    session.execute(delete(ANCHORS).where(ANCHORS.c.root == root))


def wrong_anchor(session: Session) -> None:
    session.execute(update(ANCHORS).values(anchored_at=ANCHORS.c.anchored_at + 1))


def lost(session: Session, record_id: int) -> None:
    session.execute(delete(EVENTS).where(EVENTS.c.record_id == record_id))
    session.execute(delete(RECORDS).where(RECORDS.c.id == record_id))


def lost_newest(session: Session) -> None:
    lost(session, newest(session).id)


def lost_between(session: Session) -> None:
    lost(session, newest(session).id - 1)


def counter_behind(session: Session) -> None:
    session.execute(update(SEQUENCES).values(next_sequence=0))


def failed(session: Session) -> None:
    session.execute(insert(TRANSACTIONS).values(
        intent="fund", sender=bytes(20), data=b"", value_wei=0, state="failed", planned_at_us=1, error="no money",
    ))  # fmt: skip


def stuck(session: Session) -> None:
    session.execute(insert(TRANSACTIONS).values(
        intent="anchor:0x", sender=bytes(20), data=b"", value_wei=0, state="planned", planned_at_us=1,
    ))  # fmt: skip


def unanchored(session: Session) -> None:
    session.execute(update(RECORDS).where(RECORDS.c.id == newest(session).id).values(batch_id=None, received_at_us=1))


def strange(session: Session) -> None:
    session.add(
        StrangeLogRow(block_number=1, log_index=0, address=bytes(20), topics=b"", data=b"", reason="unheard of")
    )


def lost_blocks(session: Session) -> None:
    session.add(ChainLossRow(first_number=7, last_number=9, noticed_at_us=1))


def ahead_of_the_chain(session: Session) -> None:
    session.execute(update(table(PositionRow)).values(block_number=10**9))


DAMAGES: list[tuple[Callable[[Session], None], str, str]] = [
    (altered_event, "records", "not the one that was signed"),
    (altered_signature, "records", "signature is none"),
    (altered_tree, "records", "not in the tree"),
    (lost_batch, "records", "is not there"),
    (lost_anchor, "records", "said to be anchored and is not"),
    (lost_newest, "records", "of the 3 records"),
    (wrong_anchor, "anchors", "the tables say"),
    (lost_between, "sequences", "no record with the numbers"),
    (counter_behind, "counters", "the next would be"),
    (failed, "outbox", "no money"),
    (stuck, "outbox", "is planned for"),
    (unanchored, "anchoring", "not anchored"),
    (strange, "logs", "unheard of"),
    (lost_blocks, "losses", "tally resume"),
    (ahead_of_the_chain, "chain", "1000000000 was seen"),
]


@contextmanager
def undone_after(node: Node) -> Iterator[None]:
    """What happens to the database in the block has not happened."""
    with reading(node.engine) as session:
        rows = {
            each: [dict(row) for row in session.execute(select(each)).mappings()] for each in METADATA.sorted_tables
        }
    yield
    with writing(node.engine) as session:
        for each, kept in rows.items():
            session.execute(delete(each))
            if kept:
                session.execute(insert(each), kept)


def test_what_is_wrong_is_named(copied: Path) -> None:
    with opened_node(copied) as node:
        for damage, check, words in DAMAGES:
            with undone_after(node):
                with writing(node.engine) as session:
                    damage(session)
                findings = found(copied)
            is_named = any(each.check == check and words in f"{each.detail} {each.remedy}" for each in findings)
            assert is_named, (damage.__name__, findings)
            assert all(each.remedy for each in findings)
    assert found(copied) == []


def test_what_is_wrong_with_the_files_is_named_and_ends_with_1(copied: Path, tally: Tally) -> None:
    (copied / "keys" / "node.json").unlink()
    (copied / "keys" / "grower.json").write_text("{}")
    (copied / "chain" / "rpc-url").write_text("http://127.0.0.1:9\n")
    run = tally("doctor", "--data", copied, "--json")
    assert run.code == 1
    assert {each["check"] for each in run.json["findings"]} == {"keys", "chain"}
    shown = tally("doctor", "--data", copied)
    assert (shown.code, "what to do" in shown.out) == (1, True)


def test_a_damaged_database_is_named(copied: Path, databases: Databases) -> None:
    if databases.kind == "postgresql":
        with opened_node(copied) as node, writing(node.engine) as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert ["newer version" in each.detail for each in found(copied)] == [True]
        return
    file = copied / "tally.db"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 9] = bytes(range(256)) * 96
    file.write_bytes(content)
    (finding,) = [each for each in found(copied) if each.check == "database"]
    assert "restore" in finding.remedy


def test_a_database_that_is_gone_is_named(copied: Path, databases: Databases) -> None:
    if databases.kind == "postgresql":
        pytest.skip("its server keeps it")
    (copied / "tally.db").unlink()
    assert [each.detail.endswith("is not there") for each in found(copied)] == [True]
    assert not (copied / "tally.db").exists()
