"""README.md as a script: its command blocks, what it says that they print, and how the two are compared."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

RUN_S_MAX = 300

# What differs from one demo to the next: hashes, addresses, times, ports, sizes.
MASKS = [
    (r"ni:///sha-256;[0-9a-f]{64}", "ni:///sha-256;#"),
    (r"0x[0-9a-fA-F]{40,}", "0x#"),
    (r"/capture/[0-9a-f]{32}", "/capture/#"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", "#"),
    (r"\b\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d", "#"),
    (r"chain (eip155:)?952\d{9}", "chain #"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:#"),
    (r"[\d,]+ bytes", "# bytes"),
    (r"[ \t]+", " "),
]


@dataclass(frozen=True)
class Block:
    """Commands, and the lines that they print (None where the page shows none)."""

    commands: str
    output: str | None


def blocks_of(page: str) -> list[Block]:
    """The page's command blocks in order, each with the output block that follows it directly."""
    fences = re.compile(r"^```sh\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
    return [Block(commands, output or None) for commands, output in fences.findall(page)]


def headings_of(page: str) -> list[str]:
    """The levels of the page's headings: `#`, `##` ... Code is no heading."""
    return re.findall(r"^(#+) ", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)


def run(blocks: list[Block], folder: Path, environment: dict[str, str]) -> list[str]:
    """Runs the blocks one after another in one shell, as a reader would; what each printed."""
    script = []
    for number, block in enumerate(blocks):
        (folder / f"block-{number}.sh").write_text(block.commands)
        script.append(f"source ./block-{number}.sh > block-{number}.out 2>&1 < /dev/null")
    subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=os.environ | environment, timeout=RUN_S_MAX, check=False
    )
    return [(folder / f"block-{number}.out").read_text() for number in range(len(blocks))]


def is_as_shown(shown: str, printed: str) -> bool:
    """True where the output is what the page shows: `…` on its own line stands for any lines, else for any text."""
    pattern = ""
    for line in masked(shown).splitlines():
        pattern += r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
    return re.fullmatch(pattern, masked(printed)) is not None


def masked(text: str) -> str:
    """The text without what changes from demo to demo, and without trailing spaces."""
    for pattern, stand_in in MASKS:
        text = re.sub(pattern, stand_in, text)
    return "".join(line.strip() + "\n" for line in text.splitlines())
