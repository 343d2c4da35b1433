"""The history of one product, in a store of 1,000,000 events and in one of 10,000: cost grows with the answer.

Both stores hold the same products: captured, signed and anchored as always, their lots, cases and pallets included. The
rest is filled up with other goods by the database itself, under keys that lie between theirs.
"""

from __future__ import annotations

import hashlib
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert, text
from sqlalchemy.engine import Engine
from sqlmodel import Session

from ledger import anchoring
from ledger.abi import interface
from ledger.answers import Use
from ledger.batch import AnchoringSettings
from ledger.database import create_tables, open_engine, reading, writing
from ledger.deployment import Deployment
from ledger.follower import NAME
from ledger.keystore import LocalSigner
from ledger.tables import AnchorRow, BatchRow, PositionRow, RegistryLogRow
from scripts.bench import Row, row
from scripts.bench.events import CONTEXT
from traceability.capture import capture
from traceability.history import history
from traceability.repository import table
from traceability.verification import Result, Trusted

LARGE, SMALL = 1_000_000, 10_000
PRODUCTS = 20
ROUNDS = 7
STEPS = 12
"""Events of one product: its lot made, the bag, its case, its pallet on the way, the shop."""

DEPLOYMENT = Deployment(9_520_017, b"\x0e" * 20, b"\x0a" * 20)
TRUSTED = Trusted(DEPLOYMENT.chain_id, DEPLOYMENT.event_log, DEPLOYMENT.party_registry)
PARTY = LocalSigner(hashlib.sha256(b"roaster").digest())
START_AT = 1_772_344_800
ALL_USES = sum(Use)

_FILL = """
CREATE TEMP TABLE others AS
WITH RECURSIVE counted (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM counted WHERE n < :last) SELECT n FROM counted;
INSERT INTO records (id, record_hash, event_hash, content_hash, party, signer, sequence, disclosure_root, signature,
                     received_at_us, is_foreign)
SELECT n, randomblob(32), randomblob(32), randomblob(32), zeroblob(20), zeroblob(20), n, randomblob(32), randomblob(65),
       1772344800000000 + n, 1 FROM others;
INSERT INTO events (record_id, context_id, event_time_ms, is_declaration, marks, event)
SELECT n, 1, 1772344800000 + n % 8000000, 0, '', CAST(printf(
    '{"action":"OBSERVE","bizStep":"shipping","epcList":["https://id.gs1.org/01/09524321555557/21/%d",'
    || '"https://id.gs1.org/01/09524321555557/21/x%d"],"eventTime":"2026-03-01T06:00:00.000Z",'
    || '"eventTimeZoneOffset":"+00:00","readPoint":{"id":"https://id.gs1.org/414/9524321000019"},"type":"ObjectEvent"}',
    n, n / 7) AS BLOB) FROM others;
INSERT INTO event_keys (key, event_time_ms, record_id, role)
SELECT printf('https://id.gs1.org/01/09524321555557/21/%d', n) AS key, 1772344800000 + n % 8000000, n, 1 FROM others
UNION ALL
SELECT printf('https://id.gs1.org/01/09524321555557/21/x%d', n / 7), 1772344800000 + n % 8000000, n, 1 FROM others
ORDER BY 1, 2;
DROP TABLE others;
"""


def measure() -> list[Row]:
    """One row: milliseconds a history in the large store, beside those in the small one."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (_store(Path(folder) / f"{size}.db", size) for size in (SMALL, LARGE))
        try:
            _check(small)
            _check(large)
            # In turns, so that a noisy neighbour disturbs both.
            times = [(_history_ms(large), _history_ms(small)) for _ in range(ROUNDS)]
        finally:
            small.dispose()
            large.dispose()
    ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    return [row(f"history of a product in {LARGE:,} events, beside {SMALL:,}", ours, theirs, "ms", 3.0, "lower")]


def _history_ms(engine: Engine) -> float:
    started = time.perf_counter()
    for number in range(PRODUCTS):
        with reading(engine) as session:
            history(session, TRUSTED, _bag(number))
    return (time.perf_counter() - started) / PRODUCTS * 1000


def _check(engine: Engine) -> None:
    """What is measured is the whole history, verified."""
    with reading(engine) as session:
        for number in range(PRODUCTS):
            entries = history(session, TRUSTED, _bag(number)).entries
            assert [entry.verdict.result for entry in entries] == [Result.VERIFIED] * STEPS


def _store(path: Path, size: int) -> Engine:
    engine = open_engine(f"sqlite:///{path}")
    create_tables(engine)
    with writing(engine) as session:
        _found(session)
    for number in range(PRODUCTS):
        _capture(engine, _story(number))
    _anchor(engine)
    _fill(engine, PRODUCTS * STEPS + 1, size)
    return engine


def _fill(engine: Engine, first: int, last: int) -> None:
    """Other goods, so that the store has `last` events. Not durable while it runs: nobody needs it if it fails."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for pragma in ("synchronous=OFF", "cache_size=-262144"):
            driver.execute(f"PRAGMA {pragma}")
        driver.execute("BEGIN IMMEDIATE")
        for statement in _FILL.strip().split(";\n"):
            driver.execute(statement.rstrip(";"), {"first": first, "last": last} if ":first" in statement else {})
        driver.execute("COMMIT")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.invalidate()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT max(record_id) FROM events")).scalar() == last


def _found(session: Session) -> None:
    """A consortium of one, as the follower would have read it off the chain."""
    profile = {"gln": "9524321000019", "name": "Roaster", "roles": 2, "endpoint": "", "encryptionKey": b""}
    party = PARTY.address
    logs: list[tuple[str, dict[str, Any]]] = [
        ("PartyAdmitted", {"party": party, "profile": profile, "from": START_AT}),
        ("StatusChanged", {"party": party, "status": 1, "from": START_AT}),
        ("SignerAuthorised",
         {"party": party, "signer": party, "uses": ALL_USES, "from": START_AT, "until": 2**63 - 1}),
    ]  # fmt: skip
    block_hash = secrets.token_bytes(32)
    for number, (name, arguments) in enumerate(logs):
        told = interface("PartyRegistry").arguments_to_json(arguments)
        session.add(RegistryLogRow(block_number=1, log_index=number, block_hash=block_hash, block_at=START_AT,
                                   transaction_hash=bytes(32), name=name, arguments=told))  # fmt: skip
    now_at = START_AT + 86_400
    session.add(PositionRow(name=NAME, block_number=3, block_hash=block_hash, block_at=now_at, final_number=3,
                            final_at=now_at, contact_at_us=now_at * 1_000_000))  # fmt: skip


def _capture(engine: Engine, events: list[dict[str, Any]]) -> None:
    document = {"@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
                "creationDate": "2026-03-01T00:00:00Z", "epcisBody": {"eventList": events}}  # fmt: skip
    capture(
        engine,
        domain=DEPLOYMENT.domain,
        party=PARTY.address,
        signer=PARTY,
        document=orjson.dumps(document),
        now_us=(START_AT + 43_200) * 1_000_000,
        randomness=secrets.token_bytes,
    )


def _anchor(engine: Engine) -> None:
    anchoring.step(engine, DEPLOYMENT, PARTY.address, AnchoringSettings(batch_age_s_max=0), START_AT * 2_000_000)
    with writing(engine) as session:
        root = session.execute(table(BatchRow).select()).one().root
        session.execute(insert(AnchorRow).values(
            root=root, anchor_index=0, anchored_at=START_AT + 50_000, leaf_count=PRODUCTS * STEPS,
            operator=PARTY.address, block_number=2, transaction_hash=bytes(32),
        ))  # fmt: skip


def _bag(number: int) -> str:
    return f"urn:epc:id:sgtin:9524321.055555.p{number}"


def _story(number: int) -> list[dict[str, Any]]:
    """One bag from its green lot to the shop."""
    green, roasted = (f"urn:epc:class:lgtin:9524321.0{kind}.lot-{number}" for kind in ("33333", "44444"))
    case, pallet = (f"urn:epc:id:sscc:9524321.{kind}00000{number:04}" for kind in ("1", "2"))
    bag = _bag(number)
    told: list[tuple[str, dict[str, Any]]] = [
        ("ObjectEvent", {"action": "ADD", "quantityList": [{"epcClass": green}], "bizStep": "commissioning"}),
        ("TransformationEvent", {"inputQuantityList": [{"epcClass": green}],
                                 "outputQuantityList": [{"epcClass": roasted}]}),
        ("TransformationEvent", {"inputQuantityList": [{"epcClass": roasted}], "outputEPCList": [bag]}),
        ("AggregationEvent", {"action": "ADD", "parentID": case, "childEPCs": [bag], "bizStep": "packing"}),
        ("AggregationEvent", {"action": "ADD", "parentID": pallet, "childEPCs": [case], "bizStep": "packing"}),
        *(("ObjectEvent", {"action": "OBSERVE", "epcList": [pallet], "bizStep": step})
          for step in ("shipping", "departing", "arriving", "receiving")),
        ("AggregationEvent", {"action": "DELETE", "parentID": pallet, "childEPCs": [], "bizStep": "unpacking"}),
        ("AggregationEvent", {"action": "DELETE", "parentID": case, "childEPCs": [bag], "bizStep": "unpacking"}),
        ("ObjectEvent", {"action": "OBSERVE", "epcList": [bag], "bizStep": "retail_selling"}),
    ]  # fmt: skip
    return list(_dated(told))


def _dated(told: Iterable[tuple[str, dict[str, Any]]]) -> Iterable[dict[str, Any]]:
    for minute, (kind, members) in enumerate(told):
        yield {
            "type": kind,
            "eventTime": f"2026-03-01T07:{minute:02}:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            **members,
        }
