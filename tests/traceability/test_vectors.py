"""tests/vectors is what `python -m scripts.vectors` makes, and the page's example is the first of its events."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from scripts.vectors.__main__ import FOLDER, files
from traceability.identifiers import canonical

MADE = files()
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "proof-format.md").read_text()


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_committed_vectors_are_what_the_script_makes(name: str) -> None:
    assert (FOLDER / name).read_bytes() == MADE[name]


def test_the_pages_example_is_the_first_event_of_the_vectors() -> None:
    example = json.loads((FOLDER / "event-hash.json").read_bytes())[0]
    for name in ("event", "context"):
        assert textwrap.indent(json.dumps(example[name], indent=2, ensure_ascii=False), "    ") in PAGE
    start = PAGE.index("has this pre-hash, one text without line breaks,")
    block = PAGE[start:].split("\n\n")[1]
    assert "".join(line.removeprefix("    ") for line in block.split("\n")) == example["prehash"]
    assert f"    {example['hashID']}\n" in PAGE
    assert f"    {example['contentHash']}\n" in PAGE


def test_the_pages_identifiers_are_those_of_the_vectors() -> None:
    rows = PAGE[PAGE.index("| as written | canonical |") :].split("\n\n")[0].split("\n")[2:]
    assert len(rows) > 20
    for row in rows:
        written, shown = (cell.strip(" ") for cell in row.strip("|").split("|"))
        expected = canonical(written.strip("`"))
        assert shown == ("as written" if expected == written.strip("`") else f"`{expected}`")


def test_the_page_shows_what_is_put_aside_as_it_comes_about() -> None:
    cases = json.loads((FOLDER / "event-hash.json").read_bytes())
    aside = next(case for case in cases if case["name"] == "put aside at three levels")
    assert f'    "sensorElementList": {json.dumps(aside["event"]["sensorElementList"])}\n' in PAGE
    spelled = aside["prehash"].partition("sensorElementList")[2]
    for part in spelled.split("sensorElementList"):
        assert f"`sensorElementList{part}`" in PAGE
