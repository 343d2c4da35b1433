"""What is wrong with a node, and what to do about each thing: looked at from outside, also where the node can't start.

Every check stands for itself: what one finds broken keeps the next from nothing but what it needs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import func, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from api.errors import ApiError
from api.health import backlog_of
from api.keyring import NODE_KEY, PASSWORD_FILE, keyring_of
from api.node import Node
from api.readiness import DISK_FREE_MIN, LOCK_WAIT_S
from api.schema import make_ready
from api.settings import Settings, load_settings
from api.trust import deployment_of
from ledger import losses, numbering
from ledger.answers import Use
from ledger.consortium import FOREVER
from ledger.database import check_writable, open_engine, reading
from ledger.deployment import bind, check
from ledger.errors import ChainError, KeyFileError, LedgerError
from ledger.follower import NAME
from ledger.hexadecimal import to_address, to_hex
from ledger.numbering import SKIPPED
from ledger.standing import LocalAnswers, newest_registry, registry_of
from ledger.tables import (
    AnchorRow,
    AttemptRow,
    BatchRow,
    ContradictionRow,
    LapsedRecordRow,
    NonceRow,
    PositionRow,
    RecordRow,
    SequenceRow,
    StrangeLogRow,
    TransactionRow,
    TransactionState,
)
from traceability.auditing import audit

SAMPLE = 500
"""Records and roots looked at without --full."""
SHOWN_MAX = 20
EXPIRY_S = 30 * 86_400
CLOCK_S_MAX = 60
STUCK_S = 600.0
UNANCHORED_S = 600.0
LAG_BLOCKS_MAX = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, and what to do."""

    check: str
    detail: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        """As `tally doctor --json` gives it out."""
        return {"check": self.check, "detail": self.detail, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Examined:
    """The names of the checks that were made, and all that they have found."""

    checks: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Patient:
    node: Node
    now_us: int
    is_full: bool


def examine(data: Path, now_us: int, *, is_full: bool = False) -> Examined:
    """Looks a node over, which may run meanwhile. With `is_full` every record is hashed again, else a sample.

    Raises NoDataFolder, or BadSettings: without settings there is nothing to look at.
    """
    settings = load_settings(data)
    findings = list(_disk(settings))
    engine = open_engine(settings.resolved_database_url)
    try:
        database = list(_database(settings, engine, is_full))
        findings += database
        if database:
            return Examined(("disk", "database"), tuple(findings))
        deployment = deployment_of(settings)
        bind(engine, deployment)
        patient = _Patient(Node(settings, engine, deployment, keyring_of(settings)), now_us, is_full)
        for name, look in CHECKS:
            findings += _looked(name, look, patient)
    finally:
        engine.dispose()
    return Examined(("disk", "database", *(name for name, _ in CHECKS)), tuple(findings))


def _looked(name: str, look: Callable[[_Patient], Iterator[Finding]], patient: _Patient) -> Iterator[Finding]:
    try:
        yield from look(patient)
    except (LedgerError, ApiError) as error:
        yield Finding(name, str(error), "put that right, then ask again")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        yield Finding(name, f"the database does not answer: {reason}", "restore a backup (`tally restore`)")


# ----------------------------------------------------------------------------------------------------- disk, database


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data).free
    if free < DISK_FREE_MIN:
        yield Finding("disk", f"{free // 2**20:,} MiB are free, {DISK_FREE_MIN // 2**20} are needed", "make room")
    probe = settings.data / f".doctor.{os.getpid()}"
    try:
        with probe.open("wb") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield Finding("disk", f"{settings.data} can't be written and synced: {error.strerror}",
                      "see to the disk, its mount and its rights before anything else")  # fmt: skip
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _database(settings: Settings, engine: Engine, is_full: bool) -> Iterator[Finding]:
    is_sqlite = engine.dialect.name == "sqlite"
    file = Path(engine.url.database or "") if is_sqlite else None
    if file is not None and not file.is_file():
        yield Finding("database", f"{file} is not there", "restore a backup (`tally restore`)")
        return
    try:
        if is_sqlite:
            pragma = "integrity_check" if is_full else "quick_check"
            with engine.connect() as connection:
                said = [row[0] for row in connection.execute(text(f"PRAGMA {pragma}"))]
            if said != ["ok"]:
                yield Finding("database", f"it is damaged: {'; '.join(said[:3])}",
                              "stop the node and restore a backup (`tally restore`)")  # fmt: skip
                return
        make_ready(engine)
        check_writable(engine, LOCK_WAIT_S)
    except (ApiError, LedgerError) as error:
        yield Finding("database", str(error), "see what holds it, or which version of tally it belongs to")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        yield Finding("database", f"it can't be read: {reason}", "stop the node and restore a backup (`tally restore`)")


def _counters(patient: _Patient) -> Iterator[Finding]:
    """A counter that has fallen behind what it has given out would give it out again."""
    with reading(patient.node.engine) as session:
        for signer, following in session.exec(select(SequenceRow.signer, SequenceRow.next_sequence)).all():
            newest = session.scalar(select(func.max(RecordRow.sequence)).where(RecordRow.signer == signer))
            if newest is not None and newest >= following:
                yield Finding("counters", f"{to_address(signer)} has used number {newest}, the next would be "
                              f"{following}", "restore the newest backup, or `tally party signer skip`")  # fmt: skip
        for sender, following in session.exec(select(NonceRow.sender, NonceRow.next_nonce)).all():
            query = (
                select(func.max(AttemptRow.nonce))
                .join(TransactionRow, col(TransactionRow.id) == col(AttemptRow.transaction_id))
                .where(TransactionRow.sender == sender)
            )
            newest = session.scalar(query)
            if newest is not None and newest >= following:
                yield Finding("counters", f"{to_address(sender)} has used nonce {newest}, the next would be "
                              f"{following}", "restore the newest backup")  # fmt: skip


def _sequences(patient: _Patient) -> Iterator[Finding]:
    """Numbers of our own signers that stand for no record; what a restore has skipped is no gap."""
    with reading(patient.node.engine) as session:
        registry, at = newest_registry(session)[0], patient.now_us // 1_000_000
        for signer in numbering.held(session):
            entry = registry.signers.get(signer) if registry is not None else None
            if entry is None or at < entry.until_at:
                account = to_address(signer)
                yield Finding("sequences", f"which numbers {account} has used since the backup is not known",
                              f"`tally party signer skip {account}`, or revoke it and authorise another")  # fmt: skip
        for signer, following in session.exec(select(SequenceRow.signer, SequenceRow.next_sequence)).all():
            gaps = [(first, last) for first, last in _gaps(session, signer, following) if last - first + 1 < SKIPPED]
            if gaps:
                shown = ", ".join(f"{first} to {last}" for first, last in gaps[:3])
                yield Finding(
                    "sequences", f"of {to_address(signer)} there is no record with the numbers {shown}",
                    "bring them from a backup or another node (`tally receive`): others will ask",
                )  # fmt: skip


def _gaps(session: Session, signer: bytes, following: int) -> Iterator[tuple[int, int]]:
    before = func.lag(RecordRow.sequence, 1, -1).over(order_by=col(RecordRow.sequence))
    number: sa.Label[int] = col(RecordRow.sequence).label("number")
    found = sa.select(number, before.label("before")).where(col(RecordRow.signer) == signer).subquery()
    for present, previous in session.execute(
        sa.select(found.c.number, found.c.before).where(found.c.number > found.c.before + 1).order_by(found.c.number)
    ):
        yield previous + 1, present - 1
    newest = session.scalar(select(func.max(RecordRow.sequence)).where(RecordRow.signer == signer))
    if newest is not None and newest + 1 < following:
        yield newest + 1, following - 1


# ------------------------------------------------------------------------------------------------ chain, keys, clocks


def _chain(patient: _Patient) -> Iterator[Finding]:
    node = patient.node
    try:
        check(node.chain, node.deployment)
        tip = node.chain.tip()
    except LedgerError as error:
        yield Finding("chain", str(error), "start the chain's node, or compare rpc_url in node.toml")
        return
    position = _position(node)
    if position is None:
        yield Finding("chain", "it has not been read yet", "start the worker: `tally serve` or `tally worker`")
        return
    lag = tip.head.number - position.block_number
    if lag > LAG_BLOCKS_MAX:
        yield Finding("chain", f"it is {lag} blocks ahead of what has been read", "see whether the worker runs")
    (block,) = node.chain.blocks([position.block_number])
    if block is None:
        yield Finding("chain", f"it ends at block {tip.head.number}, {position.block_number} was seen",
                      "wait for the chain's node to catch up; if it does not, blocks are lost, and the worker anchors "
                      "again")  # fmt: skip
    elif block.hash != position.block_hash:
        yield Finding("chain", f"block {block.number} is another than the one that was read",
                      "the worker rolls back by itself: see whether it runs")  # fmt: skip
    yield from _clock(patient, tip.next_at)


def _clock(patient: _Patient, next_at: int) -> Iterator[Finding]:
    apart_s = next_at - patient.now_us // 1_000_000
    if apart_s > CLOCK_S_MAX:
        yield Finding("clocks", f"the chain's clock is {apart_s} s ahead of ours", "set this machine's clock (NTP)")
    elif -apart_s > CLOCK_S_MAX and not patient.node.settings.embedded:
        yield Finding("clocks", f"our clock is {-apart_s} s ahead of the chain's, or the chain stands still",
                      "set this machine's clock (NTP), or see to the chain's node")  # fmt: skip


def _keys(patient: _Patient) -> Iterator[Finding]:
    node = patient.node
    try:
        files = node.keyring.files()
    except KeyFileError as error:
        yield Finding("keys", str(error), "bring the file back from a backup")
        return
    if NODE_KEY not in {file.name for file in files}:
        yield Finding("keys", "there is no key file named node", "put the node's own key into DATA/keys/node.json")
    has_password = (node.settings.key_password_file or node.settings.keys_folder / PASSWORD_FILE).is_file()
    for file in files if has_password else ():
        try:
            node.keyring.signer(file.name)
        except KeyFileError as error:
            yield Finding("keys", str(error), "bring the file or its password back from a backup")
    with reading(node.engine) as session:
        registry, _ = newest_registry(session)
        if registry is None:
            return
        at = LocalAnswers.of(session).next_at
        for file in files:
            entry = registry.signers.get(file.address)
            if entry is not None and entry.from_at <= at < entry.until_at < FOREVER and entry.until_at < at + EXPIRY_S:
                yield Finding("keys", f"{file.name} stands for {to_address(entry.party)} until {entry.until_at} only",
                              "authorise another in time: `tally party signer authorise`")  # fmt: skip
            if file.name == NODE_KEY and registry.standing_of(file.address, Use.ANCHOR, at, 0).party is None:
                yield Finding("keys", f"the node's key {to_address(file.address)} does not stand for anchoring",
                              "`tally party signer authorise node --party NAME --use anchor`")  # fmt: skip


# ------------------------------------------------------------------------------------------------- what is under way


def _anchoring(patient: _Patient) -> Iterator[Finding]:
    with reading(patient.node.engine) as session:
        backlog = backlog_of(session, patient.now_us)
    if backlog.lag_s > UNANCHORED_S:
        yield Finding("anchoring", f"{backlog.record_count} records are not anchored, the oldest for "
                      f"{backlog.lag_s:.0f} s", "see whether the worker runs, and what it says")  # fmt: skip


def _outbox(patient: _Patient) -> Iterator[Finding]:
    node = patient.node
    with reading(node.engine) as session:
        is_failed = TransactionRow.state == TransactionState.FAILED.value
        failed = session.exec(
            select(TransactionRow.intent, TransactionRow.error).where(is_failed)
            .order_by(col(TransactionRow.id).desc()).limit(SHOWN_MAX)
        ).all()  # fmt: skip
        is_open = col(TransactionRow.state).in_((TransactionState.PLANNED.value, TransactionState.SENT.value))
        stuck = session.exec(
            select(TransactionRow.intent, TransactionRow.state, TransactionRow.planned_at_us)
            .where(is_open, TransactionRow.planned_at_us < patient.now_us - STUCK_S * 1_000_000)
            .order_by(col(TransactionRow.id)).limit(SHOWN_MAX)
        ).all()  # fmt: skip
        lowest = session.exec(
            select(TransactionRow.sender, func.min(TransactionRow.nonce))
            .where(TransactionRow.state == TransactionState.SENT.value)
            .group_by(col(TransactionRow.sender))
        ).all()
    for intent, error in failed:
        yield Finding("outbox", f"{intent} has failed: {error}", "do it again once the reason is gone")
    for intent, state, planned_at_us in stuck:
        age_s = (patient.now_us - planned_at_us) // 1_000_000
        yield Finding("outbox", f"{intent} is {state} for {age_s} s", "see what the worker complains of")
    if lowest:
        with suppress(ChainError):
            counts = node.chain.transaction_counts([sender for sender, _ in lowest])
            for (sender, nonce), count in zip(lowest, counts, strict=True):
                if nonce is not None and count < nonce:
                    yield Finding(
                        "outbox", f"nonces {count} to {nonce - 1} of {to_address(sender)} are used by nothing",
                        "send a transaction with each of them from the wallet that had used them",
                    )  # fmt: skip


def _logs(patient: _Patient) -> Iterator[Finding]:
    with reading(patient.node.engine) as session:
        newest = select(StrangeLogRow).order_by(col(StrangeLogRow.block_number).desc()).limit(SHOWN_MAX)
        for row in session.exec(newest):
            yield Finding("logs", f"log {row.log_index} of block {row.block_number} was set aside: {row.reason}",
                          "update tally, then `tally rebuild`; the rest is not held up")  # fmt: skip
        for each in session.exec(select(ContradictionRow).limit(SHOWN_MAX)):
            yield Finding("logs", f"{to_address(each.signer)} has signed two records with the number {each.sequence}: "
                          f"{to_hex(each.record_hash)} and {to_hex(each.stored_record_hash)}",
                          "show both to its party; only one can count")  # fmt: skip


def _losses(patient: _Patient) -> Iterator[Finding]:
    with reading(patient.node.engine) as session:
        for loss in losses.open_losses(session):
            yield Finding("losses", f"the chain has lost its blocks {loss.first_number} to {loss.last_number}, which "
                          "were final; payments stand still", "agree with the other parties on what holds, then "
                          "`tally resume`")  # fmt: skip
        for row in session.exec(select(LapsedRecordRow).limit(SHOWN_MAX)):
            yield Finding("losses", f"{to_hex(row.record_hash)} verifies no more: {to_address(row.signer)} had ceased "
                          "to stand when it was anchored again", "record the event again")  # fmt: skip


# -------------------------------------------------------------------------------------------------- records, anchors


def _records(patient: _Patient) -> Iterator[Finding]:
    with reading(patient.node.engine) as session:
        members = func.count(col(RecordRow.id))
        incomplete = (
            sa.select(col(BatchRow.id), col(BatchRow.leaf_count), members)
            .join(RecordRow, col(RecordRow.batch_id) == col(BatchRow.id), isouter=True)
            .group_by(col(BatchRow.id), col(BatchRow.leaf_count))
            .having(members != col(BatchRow.leaf_count))
        )
        for batch, wanted, count in session.execute(incomplete.limit(SHOWN_MAX)):
            yield Finding("records", f"of the {wanted} records of batch {batch} {count} are here",
                          "restore a backup, or bring them from another node (`tally receive`)")  # fmt: skip
        newest = session.scalar(select(func.max(RecordRow.id))) or 0
        step = 1 if patient.is_full else max(1, newest // SAMPLE)
        # The newest are among them: a disk that lies has lost those.
        for damage in audit(session, patient.node.domain, range(newest, 0, -step)):
            yield Finding("records", f"{to_hex(damage.record_hash)} is damaged: {damage.reason}",
                          "restore a backup, or bring it from another node (`tally receive`)")  # fmt: skip


def _anchors(patient: _Patient) -> Iterator[Finding]:
    """Whether the chain itself says the same as the derived tables, of the newest roots or of all."""
    node = patient.node
    with reading(node.engine) as session:
        try:
            final_number = LocalAnswers.of(session).block_number
        except ChainError:
            return
        registry_of(session, final_number)
        query = (
            select(AnchorRow.root, AnchorRow.anchored_at)
            .join(BatchRow, col(BatchRow.root) == col(AnchorRow.root))
            .where(AnchorRow.block_number <= final_number).order_by(col(AnchorRow.anchor_index).desc())
        )  # fmt: skip
        rows = session.exec(query if patient.is_full else query.limit(SAMPLE)).all()
    try:
        answers = node.answers()
    except ChainError:
        return
    for start in range(0, len(rows), SAMPLE):
        some = rows[start : start + SAMPLE]
        for (root, at), said in zip(some, answers.anchored_at([root for root, _ in some]), strict=True):
            if said != at:
                yield Finding("anchors", f"the chain says of the root {to_hex(root)} {said or 'nothing'}, the tables "
                              f"say {at}", "`tally rebuild`")  # fmt: skip


def _position(node: Node) -> PositionRow | None:
    with reading(node.engine) as session:
        row = session.get(PositionRow, NAME)
        session.expunge_all()
    return row


CHECKS: Sequence[tuple[str, Callable[[_Patient], Iterator[Finding]]]] = (
    ("counters", _counters), ("sequences", _sequences), ("chain", _chain), ("keys", _keys),
    ("anchoring", _anchoring), ("outbox", _outbox), ("logs", _logs), ("losses", _losses), ("records", _records),
    ("anchors", _anchors),
)  # fmt: skip
