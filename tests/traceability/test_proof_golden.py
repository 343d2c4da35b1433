"""Every case of proof-golden.json, whole bundles good and altered, judged offline as it says.

Made with eth-account, rfc8785 and the reference event hash, checked with @openzeppelin/merkle-tree and ethers: none of
our code had a part in it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from traceability.bundle import bundle_json, parse
from traceability.verification import Result, Verdict, verify

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "proof-golden.json"


def cases() -> list[dict[str, Any]]:
    if not GOLDEN.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(GOLDEN.read_bytes())["cases"]
    return found


def file_of(case: dict[str, Any]) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    return (case["text"] if "text" in case else json.dumps(case["bundle"])).encode()


def offline(verdict: Verdict) -> dict[str, Any]:
    """The verdict in the shape of the golden file: `record` is the index of the first failed or pending record."""
    odd = [index for index, record in enumerate(verdict.records) if record.result is verdict.result]
    return {
        "result": verdict.result.value,
        "code": verdict.code and verdict.code.value,
        "record": odd[0] if odd and verdict.result is not Result.CONSISTENT else None,
        "withdrawalClaimed": list(verdict.withdrawal_claimed),
    }


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_a_golden_bundle_is_judged_as_its_case_says(case: dict[str, Any]) -> None:
    verdict = verify(file_of(case), identifier=case.get("for"))
    assert offline(verdict) == {"withdrawalClaimed": [], **case["offline"]}, verdict.reason


@pytest.mark.parametrize(
    "case", [case for case in cases() if case["offline"]["code"] != "malformed"], ids=lambda case: case["name"]
)
def test_a_golden_bundle_that_is_well_formed_is_written_again_without_loss(case: dict[str, Any]) -> None:
    bundle = parse(file_of(case))
    assert parse(bundle_json(bundle)) == bundle


def test_there_are_as_many_cases_as_the_readme_of_the_vectors_promises(vectors: Path) -> None:
    assert len(cases()) == 164


def test_the_verifier_is_importable_alone() -> None:
    """No database, no network, no chain client comes along: an auditor reads what runs."""
    program = "import sys, traceability.verification; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=60
    ).stdout.decode()
    assert {"web3", "sqlalchemy", "sqlmodel", "fastapi", "httpx", "requests", "pydantic"} & set(loaded.split()) == set()
