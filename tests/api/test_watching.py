"""A node can be watched
├── every request has an id: the client's where it is well formed, else a new one; told in every answer
├── what changes something, and what fails, leaves a line with that id, whose it was and what became of it; no secret
├── GET /metrics counts requests and events, and reads off the database how far things have come
└── GET /ready says what is missing
"""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed
from sqlalchemy import update
from sqlalchemy.engine import Engine

from api import logs
from api.app import create_app
from api.errors import NotReady
from api.health import backlog_of
from api.keyring import Keyring
from api.logs import JsonLines, LogFormat, TextLines
from api.node import Node
from api.readiness import CONTACT_S_MAX, LAG_BLOCKS_MAX, check_ready
from ledger.database import check_writable, reading, writing
from ledger.errors import DatabaseNotWritable
from ledger.follower import NAME
from ledger.keystore import create_key
from ledger.tables import BatchRow, PositionRow, TransactionRow
from tests.api.conftest import LIGHT_SCRYPT_N, PASSWORD, Village, bag, document, seen
from tests.conftest import CHECKOUT

JSON = {"Content-Type": "application/json"}


def post(client: httpx.Client, body: bytes, path: str = "/capture", **headers: str) -> httpx.Response:
    return client.post(path, content=body, headers=JSON | headers)


def asked(
    node: Node | None, method: str, path: str, headers: dict[str, str] | None = None, content: bytes = b""
) -> httpx.Response:
    """One request to the app over that node, which no server serves."""
    transport = httpx.ASGITransport(create_app(node), raise_app_exceptions=False)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.request(method, path, headers=headers, content=content)

    return anyio.run(ask)


# --------------------------------------------------------------------------------------------------------- requests


def test_a_request_is_known_by_the_clients_id_where_it_is_one(village: Village) -> None:
    with village.client() as client:
        for given in ("order-17", "7f3e:b.9_X", "a" * 128):
            assert client.get("/health", headers={"X-Request-ID": given}).headers.get_list("x-request-id") == [given]
        drawn = set()
        for given in ("", "two words", "a" * 129, "<script>", "a\tb"):
            (named,) = client.get("/parties", headers={"X-Request-ID": given}).headers.get_list("x-request-id")
            assert named != given
            drawn.add(named)
        assert {len(each) for each in drawn} == {32}
        assert len(drawn) == 5


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/capture", 401), ("DELETE", "/capture", 405)]
)
def test_a_refusal_names_its_request_too(village: Village, method: str, path: str, status: int) -> None:
    with village.client() as client:
        answer = client.request(method, path, headers={"X-Request-ID": "q-1"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (status, "q-1")


def test_what_nobody_foresaw_names_its_request_too() -> None:
    # An app without a node can describe itself and nothing else: all else is a mistake.
    answer = asked(None, "GET", "/parties", {"X-Request-ID": "q-2"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "q-2")


# ------------------------------------------------------------------------------------------------------------- lines


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What this process logs while a test runs, as JSON."""
    stream = io.StringIO()
    with configured(LogFormat.JSON, stream):
        yield stream


@contextmanager
def configured(form: LogFormat, stream: io.StringIO) -> Iterator[None]:
    """As a node's process logs, and afterwards as before."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *logs.OURS)}
    root.handlers.clear()  # basicConfig would close them
    try:
        logs.configure(form, stream)
        yield
    finally:
        root.handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def of(request_id: str, lines: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a request. Written when its answer has gone out, so they may come a moment later."""
    for _ in range(100):
        written = [json.loads(line) for line in lines.getvalue().splitlines()]
        found = [line for line in written if line.get("request_id") == request_id]
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing of {request_id}")


def test_a_capture_leaves_one_line_with_whose_it_was_and_what_became_of_it(
    village: Village, lines: io.StringIO
) -> None:
    event = seen(bag("watch-1"))
    with village.client("grower") as client:
        first = post(client, document(event), **{"X-Request-ID": "c-1"})
        post(client, document(event, seen(bag("watch-2"))), **{"X-Request-ID": "c-2"})
    (line,) = of("c-1", lines)
    job = first.json()
    assert (line["level"], line["logger"], line["message"]) == ("info", "tally.api", "POST /capture 202")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/capture", 202)
    assert (line["party"], line["capture_id"]) == ("0x" + village.keys["grower"].address.hex(), job["captureID"])
    assert (line["events"], line["accepted"], line["event_ids"]) == (1, 1, [job["events"][0]["eventID"]])
    assert line["time"].endswith("Z") and 0 < line["seconds"] < 30
    (second,) = of("c-2", lines)
    assert (second["events"], second["accepted"], second["known"], len(second["event_ids"])) == (2, 1, 1, 2)


def test_a_repeated_answer_says_so_in_its_line(village: Village, lines: io.StringIO) -> None:
    body = document(seen(bag("watch-3")))
    with village.client("grower") as client:
        post(client, body, **{"Idempotency-Key": "watch-3", "X-Request-ID": "r-1"})
        post(client, body, **{"Idempotency-Key": "watch-3", "X-Request-ID": "r-2"})
    assert ("replayed" in of("r-1", lines)[0], of("r-2", lines)[0]["replayed"]) == (False, True)


def test_reading_leaves_no_line_and_a_failure_one_to_look_at(village: Village, lines: io.StringIO) -> None:
    away = village.node.settings.model_copy(update={"rpc_url": "http://127.0.0.1:1", "embedded": False})
    cut_off = replace(village.node, settings=away)
    asked(cut_off, "GET", "/parties", {"X-Request-ID": "f-1"})
    asked(cut_off, "POST", "/verify", JSON | {"X-Request-ID": "f-2"}, b"{}")
    (failed,) = of("f-2", lines)
    assert (failed["level"], failed["status"]) == ("warning", 503)
    assert "f-1" not in lines.getvalue()


def test_no_line_tells_a_secret(village: Village, lines: io.StringIO) -> None:
    with village.client("grower") as client:
        post(client, document(seen(bag("watch-4"))), "/capture?token=hidden", **{"X-Request-ID": "s-1"})
        client.post("/capture", headers={"Authorization": "Bearer tally_wrong", "X-Request-ID": "s-2"})
    of("s-1", lines)
    of("s-2", lines)
    written = lines.getvalue()
    for secret in (*village.api_keys.values(), "tally_wrong", "hidden", PASSWORD):
        assert secret not in written


def test_a_line_is_json_whatever_is_in_it() -> None:
    record = logging.makeLogRecord(
        {"name": "tally", "levelno": 30, "levelname": "WARNING", "msg": 'a "%s"\nand more', "args": ("word",)}
    )
    record.root, record.seconds, record.folder = b"\x01\x02", 0.5, Path("data")
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["level"]) == ('a "word"\nand more', "warning")
    assert (line["root"], line["seconds"], line["folder"]) == ("0x0102", 0.5, "data")
    assert "request_id" not in line


def test_an_errors_traceback_stays_in_its_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "oh", "exc_info": (ValueError, error, error.__traceback__)})
    text = JsonLines().format(record)
    assert "\n" not in text
    assert json.loads(text)["error"].endswith("ValueError: broken\n")


def test_a_terminal_gets_words() -> None:
    record = logging.makeLogRecord({"name": "tally.api", "levelname": "INFO", "msg": "POST /capture 202"})
    record.event_ids, record.seconds, record.root = ["a", "b", "c", "d"], 0.01234, b"\x01"
    text = TextLines().format(record)
    assert text.endswith("INFO    tally.api: POST /capture 202 event_ids=a,b,c,… (4) seconds=0.0123 root=0x01")


@pytest.mark.parametrize(
    ("form", "is_terminal", "is_json"),
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("text", False, False)],
)
def test_lines_are_for_whoever_reads_them(form: str, is_terminal: bool, is_json: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    stream = Stream()
    with configured(LogFormat(form), stream):
        logging.getLogger("tally.serve").info("ready")
        logging.getLogger("httpx").info("HTTP Request: GET http://tally:secret@node/")
        logging.getLogger("asyncio").error("an exception")
    assert "secret" not in stream.getvalue()
    assert "an exception" in stream.getvalue()
    assert stream.getvalue().startswith("{") == is_json
    assert "ready" in stream.getvalue()


# ----------------------------------------------------------------------------------------------------------- metrics


def metrics_of(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels."""
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    families = parsed(answer.text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def sample(found: dict[Any, float], name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


def test_captures_are_counted_by_what_became_of_their_events(village: Village) -> None:
    good, bad = seen(bag("watch-5")), {**seen(bag("watch-6")), "eventTime": "soon"}
    with village.client("grower") as client:
        before = metrics_of(client)
        post(client, document(good))
        post(client, document(good, bad), **{"GS1-Capture-Error-Behaviour": "proceed"})
        post(client, document(bad))
        after = metrics_of(client)

    def rise(name: str, **labels: str) -> float:
        return sample(after, name, **labels) - sample(before, name, **labels)

    assert [rise("tally_capture_events_total", outcome=each) for each in ("accepted", "known", "refused")] == [1, 1, 1]
    assert rise("tally_capture_seconds_count") == 2
    assert rise("tally_capture_seconds_sum") > 0
    assert rise("tally_http_requests_total", method="POST", route="/capture", status="202") == 2
    assert rise("tally_http_requests_total", method="POST", route="/capture", status="400") == 1
    assert rise("tally_records_total") == 1


def test_addresses_make_no_series_of_their_own(village: Village) -> None:
    with village.client() as client:
        for number in range(3):
            client.get(f"/capture/{number}")
            client.get(f"/no/such/{number}")
            client.request("BREW", "/coffee")
        after = metrics_of(client)
    routes = {dict(labels)["route"] for name, labels in after if name == "tally_http_requests_total"}
    methods = {dict(labels)["method"] for name, labels in after if name == "tally_http_requests_total"}
    assert {"/capture/{id}", "none"} <= routes
    assert not any("no/such" in route for route in routes)
    assert "BREW" not in methods


def test_what_waits_is_read_off_the_database(village: Village) -> None:
    village.capture("grower", seen(bag("watch-7")))
    with village.client() as client:
        # A record is final a moment before its transaction is; and what other tests have left has to get there, too.
        for _ in range(200):
            found = metrics_of(client)
            if sample(found, "tally_unanchored_records") == sample(found, "tally_outbox_oldest_seconds") == 0:
                break
            time.sleep(0.05)
        assert client.get("/health").json()["anchoring"] == {"unanchored": 0, "lagSeconds": 0.0}
    assert sample(found, "tally_unanchored_records") == 0
    assert sample(found, "tally_unanchored_oldest_seconds") == 0
    assert 0 <= sample(found, "tally_anchoring_lag_seconds") < 30
    assert sample(found, "tally_outbox_transactions", state="final") > 0
    assert sample(found, "tally_outbox_transactions", state="failed") == 0
    assert sample(found, "tally_outbox_oldest_seconds") == 0
    assert sample(found, "tally_follower_block") == sample(found, "tally_chain_head_block") > 0
    assert (sample(found, "tally_follower_lag_blocks"), sample(found, "tally_follower_lag_seconds") < 15) == (0, True)
    for name in ("tally_orders", "tally_settlements"):
        assert any(found_name == name for found_name, _ in found)
    assert (sample(found, "tally_contradictions"), sample(found, "tally_strange_logs")) == (0, 0)


def test_the_oldest_of_what_waits_has_its_own_age(village: Village) -> None:
    """Also once it is in a batch, which closes much later after an outage."""
    at_us = now_us()
    with writing(village.node.engine) as session:
        row = TransactionRow(intent="anchor:watch", sender=b"\1" * 20, data=b"", planned_at_us=at_us, state="failed")
        session.add(row)
        session.flush()
        batch = BatchRow(root=b"\7" * 32, leaf_count=5, tree=b"", closed_at_us=at_us - 1_000_000,
                         oldest_us=at_us - 90_000_000, transaction_id=row.id)  # fmt: skip
        session.add(batch)
        row.state = "mined"
        session.flush()
        found = backlog_of(session, at_us)
        session.rollback()
    assert (found.record_count >= 5, found.lag_s) == (True, 90.0)


def test_every_metric_and_every_check_stands_on_the_operators_page_and_no_other(village: Village) -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    village.capture("grower", seen(bag("watch-8")))
    with village.client("grower") as client:
        text = client.get("/metrics").text
        checks = [check["name"] for check in client.get("/ready").json()["checks"]]
    # What this process has not counted yet has no sample, but says what it is.
    exposed = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")}
    exposed = {name for name in exposed if not name.endswith("_created")}
    assert set(re.findall(r"`(tally_[a-z_]+)", page)) == exposed
    assert re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)[: len(checks)] == checks


def test_prometheus_may_ask_for_openmetrics(village: Village) -> None:
    with village.client() as client:
        answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert any(family.name == "tally_capture_events" for family in openmetrics(answer.text))


# --------------------------------------------------------------------------------------------------------- readiness


def now_us() -> int:
    return time.time_ns() // 1000


def missing(node: Node, at_us: int | None = None) -> list[str]:
    """The names of the checks that are not good."""
    try:
        check_ready(node, now_us() if at_us is None else at_us)
    except NotReady as error:
        return [name for name, is_good, _ in error.checks if not is_good]
    return []


def test_a_node_that_works_is_ready(village: Village) -> None:
    with village.client() as client:
        answer = client.get("/ready")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "ready"
    assert [check["name"] for check in answer.json()["checks"]] == [
        "database", "disk", "keys", "chain", "follower", "anchoring",
    ]  # fmt: skip
    assert all(check["ok"] for check in answer.json()["checks"])


def test_a_chain_that_was_not_reached_for_a_minute_is_missing(village: Village) -> None:
    later = now_us() + int((CONTACT_S_MAX + 15) * 1_000_000)
    assert missing(village.node, later) == ["chain"]


def test_a_node_without_its_key_is_not_ready_and_says_so(village: Village, tmp_path: Path) -> None:
    keyless = replace(village.node, keyring=Keyring(tmp_path, lambda: ""))
    answer = asked(keyless, "GET", "/ready")
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert (problem["code"], problem["detail"].startswith("not ready: keys: ")) == ("not_ready", True)
    assert [check["name"] for check in problem["checks"] if not check["ok"]] == ["keys", "anchoring"]


def test_a_key_that_does_not_stand_for_anchoring_is_missing(village: Village, tmp_path: Path) -> None:
    create_key(tmp_path, "node", PASSWORD, scrypt_n=LIGHT_SCRYPT_N)
    assert missing(replace(village.node, keyring=Keyring(tmp_path, lambda: PASSWORD))) == ["anchoring"]


def test_a_key_that_stays_locked_is_missing(village: Village) -> None:
    assert missing(replace(village.node, keyring=Keyring(village.data / "keys", lambda: "wrong"))) == ["keys"]


def test_a_follower_that_lags_is_missing(village: Village, engine: Engine) -> None:
    other = replace(village.node, engine=engine)
    assert missing(other) == ["chain", "follower", "anchoring"]
    with reading(village.node.engine) as session:
        row = session.get(PositionRow, NAME)
        assert row is not None
        values = row.model_dump()
    with writing(engine) as session:
        session.add(PositionRow(**values | {"head_number": values["block_number"] + LAG_BLOCKS_MAX}))
    assert "follower" not in missing(other)
    with writing(engine) as session:
        session.execute(update(PositionRow).values(head_number=values["block_number"] + LAG_BLOCKS_MAX + 1))
    assert "follower" in missing(other)


def test_a_database_whose_lock_is_held_is_missing(village: Village, engine: Engine) -> None:
    check_writable(engine, 0.1)
    with writing(engine), pytest.raises(DatabaseNotWritable, match="can't be written"):
        check_writable(engine, 0.1)
    check_writable(engine, 0.1)
