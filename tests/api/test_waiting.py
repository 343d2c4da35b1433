"""How long it takes until a record is final is told wherever it is pending, and not where nobody knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import orjson

from api.health import health_of
from api.settings import FinalityRule
from tests.api.conftest import Village, bag, document, seen, serving

JSON = {"Content-Type": "application/json"}


@contextmanager
def patient(village: Village, **settings: object) -> Iterator[str]:
    """The same node with other settings, serving beside it. Its address."""
    changed = village.node.settings.model_copy(update=settings)
    with serving(replace(village.node, settings=changed)) as url:
        yield url


def post(client: httpx.Client, url: str, *events: dict[str, object]) -> str:
    answer = client.post(f"{url}/capture", content=document(*events), headers=JSON)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def test_a_capture_that_is_on_its_way_says_how_long_it_takes_and_one_that_is_there_does_not(village: Village) -> None:
    with village.client("grower") as client, patient(village, batch_age_s_max=1_000.0) as slow:
        location = post(client, slow, seen(bag("wait-1")))
        job = client.get(f"{slow}{location}").json()
        # The worker, which does not wait that long, may have been quicker than the question.
        status, expected_s = job["events"][0]["status"], job["expectedFinalInS"]
        assert (
            expected_s is None if status == "final" else expected_s > 900 if status == "accepted" else expected_s >= 0
        )
        village.settled(client, location)
        settled = client.get(f"{slow}{location}").json()
        again = client.get(f"{slow}{post(client, slow, seen(bag('wait-1')))}").json()
    assert (settled["events"][0]["status"], settled["expectedFinalInS"]) == ("final", None)
    assert again["captureID"] != job["captureID"]


def test_the_node_says_what_is_final_and_how_long_it_takes(village: Village) -> None:
    with village.client() as client, patient(village, confirmations=12, batch_age_s_max=30.0) as url:
        finality = client.get(f"{url}/health").json()["finality"]
        assert finality["rule"] == "12 confirmations"
        assert finality["expectedInS"] >= 30
        assert client.get("/health").json()["finality"]["rule"] == "1 confirmation"
    with village.client() as client, patient(village, finality=FinalityRule.FINALIZED) as url:
        assert client.get(f"{url}/health").json()["finality"]["rule"] == "finalized"


def test_a_pending_bundle_is_answered_with_how_long_it_takes(village: Village) -> None:
    with village.client("grower") as client:
        job = village.capture("grower", seen(bag("wait-2")))
        proof = orjson.loads(client.get(f"/events/{job['events'][0]['recordHash']}/proof").content)
        verified = client.post("/verify", json=proof).json()
        assert (verified["result"], "expectedFinalInS" in verified) == ("verified", False)
        for record in proof["records"]:
            record["anchor"] = None
        pending = client.post("/verify", json=proof).json()
    assert pending["result"] == "pending"
    assert 0 <= pending["expectedFinalInS"] < 60


def test_while_the_chain_is_out_of_reach_nobody_knows(village: Village) -> None:
    in_two_minutes_us = time.time_ns() // 1000 + 120_000_000
    assert health_of(village.node, in_two_minutes_us).expected_final_s is None
