"""A hostile bundle of 10 MB, of whatever kind, beside what judging one may take: 2 seconds and 256 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.bench import Row, row
from scripts.bench.hostile import KINDS, made

BUNDLE_BYTES = 10_000_000
SECONDS_MAX = 2.0
MEBIBYTE = 1024 * 1024
PEAK_BYTES_MAX = 256 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verdict on one bundle took: seconds of a processor, and the most that the whole process ever held."""

    name: str
    size: int
    code: str | None
    reason: str
    seconds: float
    peak_bytes: int


def judged(name: str, size: int = BUNDLE_BYTES) -> Judged:
    """A bundle of that kind, judged in a process of its own. Raises CalledProcessError where that ends badly."""
    data, identifier = made(name, size), KINDS[name].identifier
    command = [sys.executable, "-m", "scripts.bench.judge", *([identifier] if identifier else [])]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    found = json.loads(done.stdout)
    return Judged(name, len(data), found["code"], found["reason"], found["seconds"], found["peak_bytes"])


def all_judged(size: int = BUNDLE_BYTES) -> Iterator[Judged]:
    """One bundle of each kind. Raises AssertionError where the verdict is another than the kind is meant to get."""
    for name, kind in KINDS.items():
        found = judged(name, size)
        if found.code != kind.code:
            raise AssertionError(f"{name}: {found.code} instead of {kind.code}: {found.reason}")
        yield found


def measure() -> list[Row]:
    """Two rows: the kind that takes longest, and the one that takes most memory."""
    found = list(all_judged())
    slowest = max(found, key=lambda one: one.seconds)
    largest = max(found, key=lambda one: one.peak_bytes)
    what = "the costliest hostile bundle of 10 MB"
    return [
        row(f"{what} ({slowest.name})", slowest.seconds, SECONDS_MAX, "s", 1.0, "lower"),
        row(f"{what} ({largest.name})", largest.peak_bytes / MEBIBYTE, PEAK_BYTES_MAX / MEBIBYTE, "MiB", 1.0, "lower"),
    ]
