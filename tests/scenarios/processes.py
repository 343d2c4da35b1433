"""Processes as the system shows them. Linux only."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def stat_of(process: int) -> tuple[str, int]:
    """State and parent of a process."""
    state, parent, *_ = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return state, int(parent)


def is_alive(process: int) -> bool:
    try:
        return stat_of(process)[0] not in "ZX"
    except OSError:
        return False


def children_of(parent: int) -> list[int]:
    """The processes that this one has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if stat_of(int(folder.name))[1] == parent:
                found.append(int(folder.name))
    return found


def command_of(process: int) -> str:
    """Its command line, empty where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
