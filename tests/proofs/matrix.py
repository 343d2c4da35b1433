"""The matrix applied: each alteration of the story, judged by us with and without a chain, and by the outsider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger.hexadecimal import to_hex
from scripts.evidence import TRUSTED
from tests.outsider.form import Malformed, check_bundle
from tests.outsider.verifier import verdict as outsiders_verdict
from tests.proofs.bundles import ANSWERS, STORY, TWIN
from tests.proofs.swaps import OFFLINE, ONLINE, Path, Rule, alterations, leaves, paths, rule_of
from traceability.verification import Code, Result, Verdict, verify

TABLES = {"online": ONLINE, "offline": OFFLINE}
LEAVES = leaves(STORY.file)
# A place that holds others is judged by them, but for those that hold more than one check's evidence.
_WHOLES = {("chain",), ("records",), *(("records", n) for n in range(4)), *(("records", n, "anchor") for n in range(3))}
_MEMBERS = {("records", n, "record") for n in range(4)}
PLACES: list[Path] = [*LEAVES, *(path for path in paths(STORY.file) if path not in {*LEAVES, *_WHOLES, *_MEMBERS})]
_THEIR_TRUST = (TRUSTED.chain_id, to_hex(TRUSTED.event_log), to_hex(TRUSTED.party_registry))
_THEIR_ANSWERS = ANSWERS.to_json()


class Alteration(NamedTuple):
    """An altered story: at which place, and whether its form is still that of a bundle, by the outsider's judgement."""

    name: str
    path: Path
    file: Any
    is_well_formed: bool


def tampered(path: Path) -> Iterator[Alteration]:
    """Every alteration of one place of the story."""
    for name, altered in alterations(STORY.file, path, TWIN.file):
        yield Alteration(f"{'/'.join(map(str, path))}: {name}", path, altered, _is_well_formed(altered))


def judgement(data: bytes, way: str) -> Verdict:
    """Our verdict, `online` with the chain's recorded answers, `offline` without settings or chain."""
    return verify(data) if way == "offline" else verify(data, trusted=TRUSTED, answers=ANSWERS)


def outcomes(verdict: Verdict) -> list[str]:
    """What stands beside each record: its code where it failed, else its result."""
    return [str(record.code or record.result) for record in verdict.records]


GENUINE = {way: judgement(json.dumps(STORY.file).encode(), way) for way in TABLES}


def assert_refused(data: bytes, way: str, alteration: Alteration) -> None:
    """Raises AssertionError unless the verdict is the one that the table has for the place."""
    verdict = judgement(data, way)
    if not alteration.is_well_formed:
        assert (verdict.code, verdict.records) == (Code.MALFORMED, ()), alteration.name
        return
    rule = rule_of(TABLES[way], next(leaf for leaf in LEAVES if leaf[: len(alteration.path)] == alteration.path))[1]
    if rule.step is None:
        assert verdict == GENUINE[way], alteration.name
        return
    assert verdict.code in rule.codes, (alteration.name, verdict.reason)
    if verdict.code is Code.WRONG_CHAIN:
        assert verdict.records == ()
    else:
        _assert_others_stand(verdict, way, rule, alteration)


def _assert_others_stand(verdict: Verdict, way: str, rule: Rule, alteration: Alteration) -> None:
    touched = range(4) if alteration.path[0] == "chain" else [alteration.path[1]]
    for place, (record, before) in enumerate(zip(verdict.records, GENUINE[way].records, strict=True)):
        if place in touched:
            # Of a record that no root binds yet nothing can be said offline: see the table.
            assert record.code in rule.codes or record.result is Result.PENDING, alteration.name
        else:
            # A declaration that fails withdraws nothing any more: the record that it named stands.
            assert record.code is None, alteration.name
            assert record.result in {before.result, Result.VERIFIED}, alteration.name


def assert_alike(data: bytes, name: str) -> None:
    """Raises AssertionError unless the outsider says the same, record by record."""
    ours, theirs = judgement(data, "online"), outsiders_verdict(data, _THEIR_TRUST, _THEIR_ANSWERS)
    said = (ours.result.value, ours.code, outcomes(ours))
    assert said == (theirs["result"], theirs["code"], theirs["records"]), name


def _is_well_formed(file: Any) -> bool:
    try:
        check_bundle(json.dumps(file).encode())
    except Malformed:
        return False
    return True
