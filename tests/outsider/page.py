"""What stands on the page as lists and tables: GS1's words (section 10), keys and URN schemes (section 9)."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "proof-format.md").read_text()


def indented(heading: str) -> list[str]:
    """The indented block that follows a line which begins with the heading."""
    lines = PAGE[PAGE.index("\n" + heading) + 1 :].split("\n")
    start = next(place for place, line in enumerate(lines) if line.startswith("    "))
    end = next(place for place, line in enumerate(lines) if place > start and not line.startswith("    "))
    return [line.strip() for line in lines[start:end]]


def words(heading: str) -> list[str]:
    return " ".join(indented(heading)).split()


PREFIXES = dict(line.split() for line in indented("The prefixes"))
TERMS = set(words("The terms")) | set(PREFIXES)
ADDRESSES = set(indented("A text is one of the addresses"))
WHITE = "".join(
    chr(code)
    for low, high in ((9, 13), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
                      (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000))
    for code in range(low, high + 1)
)  # fmt: skip


def vocabulary(title: str) -> dict[str, str]:
    base = re.search(re.escape(title) + r" \([^`]*\),\s`([^`]*)`", PAGE)
    assert base is not None
    return {word: base[1] + word for word in words(title)}


STEPS, DISPOSITIONS = vocabulary("Business steps"), vocabulary("Dispositions")
BTT, SDT = vocabulary("Business transaction types"), vocabulary("Source and destination types")
COMPONENTS, ALERTS = vocabulary("Components"), vocabulary("Sensor alerts")
MEASURES = vocabulary("Measurement types")

CELLS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.split("\n") if line.startswith("|")]
KEYS = {row[0]: (int(row[2]), row[3], row[4]) for row in CELLS if len(row) == 5 and re.fullmatch("[0-9]{2,4}", row[0])}
SCHEMES = {name: row[1:] for row in CELLS if len(row) == 5 and ":" in row[0] for name in row[0].split(", ")}
SHORT = dict(re.findall(r"\b([a-z]+) ([0-9]{2,4})\b", PAGE[PAGE.index("Short names, ") :].split("\n\n")[0]))
