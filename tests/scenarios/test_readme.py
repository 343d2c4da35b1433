"""The README keeps its word: every command of the tour runs against a demo and prints what the page shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.scenarios.demo_process import Demo
from tests.scenarios.readme import Block, blocks_of, headings_of, is_as_shown, masked, run

pytestmark = pytest.mark.slow

ENGLISH, CHINESE = ((CHECKOUT / name).read_text() for name in ("README.md", "README.zh.md"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A running demo in a folder that looks like the checkout: `.venv` and `data` are where the page expects them."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    demo = Demo(folder)
    demo.await_ready()
    yield demo
    demo.end()


def is_tour(block: Block) -> bool:
    return not block.commands.startswith("make ")


def test_every_command_prints_what_the_page_shows(demo: Demo) -> None:
    tour = [block for block in blocks_of(ENGLISH) if is_tour(block)]
    assert len(tour) >= 9
    here = [Block(block.commands.replace("127.0.0.1:8000", f"127.0.0.1:{demo.port}"), block.output) for block in tour]
    for block, printed in zip(tour, run(here, demo.folder, {}), strict=True):
        assert block.output is not None
        assert is_as_shown(block.output, printed), f"{block.commands}\nprinted\n{printed}\nnot\n{masked(block.output)}"


def test_the_chinese_page_has_the_same_headings_and_blocks() -> None:
    assert headings_of(CHINESE) == headings_of(ENGLISH)
    assert blocks_of(CHINESE)[1:] == blocks_of(ENGLISH)[1:]
    first_english, first_chinese = blocks_of(ENGLISH)[0].commands, blocks_of(CHINESE)[0].commands
    assert re.sub(r"#.*", "", first_english) == re.sub(r"#.*", "", first_chinese)


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_links_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (CHECKOUT / target).exists()] == []
    anchors = {slug(title) for title in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors


def slug(title: str) -> str:
    """GitHub's anchor of a heading: lower case, without punctuation, a dash for each space."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    ("shown", "printed", "verdict"),
    [
        ("a\n…\nc\n", "a\nb\nb\nc\n", True),
        ("a\n…\nc\n", "a\nb\n", False),
        ("record 0x" + "ab" * 32 + "\n", "record 0x" + "cd" * 32 + "\n", True),
        ("97 records\n", "96 records\n", False),
        ("5 November 2026, 14:55    Sold\n", "12 March 2027, 14:55 Sold\n", True),
    ],
)
def test_output_is_compared_but_for_what_changes(shown: str, printed: str, verdict: bool) -> None:
    assert is_as_shown(shown, printed) is verdict
