"""Each setting that a route reads, flipped; and a node whose chain is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.keyring import Keyring
from api.node import Node
from api.settings import StaleEventId
from tests.api.conftest import Tally, Village, bag, document, seen, serving

JSON = {"Content-Type": "application/json"}
STALE = "ni:///sha-256;" + "ab" * 32 + "?ver=CBV2.0"


@contextmanager
def served_with(village: Village, party: str = "grower", **settings: Any) -> Iterator[httpx.Client]:
    """The village's node served once more, with other settings."""
    changed = village.node.settings.model_copy(update=settings)
    node = Node(changed, village.node.engine, village.deployment, village.node.keyring)
    headers = {"Authorization": f"Bearer {village.api_keys[party]}"}
    with serving(node) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client


def test_a_stale_event_id_is_marked_or_refused_as_the_node_is_told(village: Village) -> None:
    with village.client("grower") as client:
        job = client.post("/capture", content=document(seen(bag("stale-1"), eventID=STALE)), headers=JSON).json()
    assert job["events"][0]["eventID"] == STALE
    assert [note["code"] for note in job["events"][0]["notes"]] == ["stale_event_id"]
    with served_with(village, stale_event_id=StaleEventId.REFUSE) as client:
        answer = client.post("/capture", content=document(seen(bag("stale-2"), eventID=STALE)), headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "stale_event_id")


def test_the_body_limits_are_settings(village: Village) -> None:
    body = document(seen(bag("limits-1")))
    with served_with(village, capture_bytes_max=len(body)) as client:
        assert client.post("/capture", content=body, headers=JSON).status_code == 202
        assert client.post("/capture", content=body + b" ", headers=JSON).status_code == 413
    with served_with(village, bundle_bytes_max=10) as client:
        assert client.post("/verify", content=b"[" + b" " * 10 + b"]", headers=JSON).status_code == 413


def test_the_receipts_promise_is_a_setting(village: Village) -> None:
    with served_with(village, anchor_by_s=600) as client:
        receipt = client.post("/capture", content=document(seen(bag("promise-1"))), headers=JSON).json()["receipt"]
    assert receipt["anchorBy"] - receipt["receivedAt"] == 600


def test_while_the_chain_is_away_captures_go_on_and_health_says_so(village: Village) -> None:
    with served_with(village, rpc_url="http://127.0.0.1:1") as client:
        assert client.post("/capture", content=document(seen(bag("away-1"))), headers=JSON).status_code == 202
        health = client.get("/health")
        verdict = client.post("/verify", content=b"{}", headers=JSON)
    assert (health.status_code, health.json()["status"], health.json()["chainReachable"]) == (200, "degraded", False)
    assert "does not answer" in health.json()["chainReason"]
    assert (verdict.status_code, verdict.json()["code"]) == (503, "chain_unreachable")
    assert verdict.headers["Retry-After"] == "5"
    with village.client() as client:
        assert client.get(f"/products/{bag('away-1')}/history").status_code == 200


def test_the_command_line_goes_on_too_and_status_exits_with_2(
    village: Village, tally: Tally, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TALLY_RPC_URL", "http://127.0.0.1:1")
    (tmp_path / "d.json").write_bytes(document(seen(bag("away-2"))))
    assert tally("capture", tmp_path / "d.json", "--party", "grower").code == 0
    status = tally("status")
    assert (status.code, "does not answer" in status.out) == (2, True)
    vote = tally("party", "leave", "grower", "--yes")
    assert (vote.code, "next: see whether the chain's node runs" in vote.err) == (2, True)


def test_a_chain_of_another_id_is_named(village: Village) -> None:
    with served_with(village, chain_id=77) as client:
        reason = client.get("/health").json()["chainReason"]
    assert str(village.deployment.chain_id) in reason


def test_a_locked_key_is_the_nodes_trouble_and_says_so(village: Village) -> None:
    node = replace(village.node, keyring=Keyring(village.data / "keys", lambda: "wrong"))
    headers = JSON | {"Authorization": f"Bearer {village.api_keys['grower']}"}
    with serving(node) as url, httpx.Client(base_url=url) as client:
        answer = client.post("/capture", content=document(seen(bag("locked-1"))), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "key_locked")
