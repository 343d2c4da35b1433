"""The embedded chain on disk: every block before it is mined, and now and then the whole state, to start from.

The journal is the truth. A checkpoint only saves time: it is used where it fits the journal, and else ignored.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import DevnetError, InvalidHex
from ledger.hexadecimal import from_hex, to_hex


@dataclass(frozen=True, slots=True)
class Block:
    """One line of the journal: a block's number, its parent's hash, its time in seconds, its raw transactions."""

    number: int
    parent: bytes
    at: int
    transactions: tuple[bytes, ...]

    def line(self) -> bytes:
        """The block as one line of JSON."""
        values = {
            "number": self.number,
            "parent": to_hex(self.parent),
            "at": self.at,
            "transactions": [to_hex(raw) for raw in self.transactions],
        }
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @staticmethod
    def from_line(line: bytes) -> Block:
        """Inverse of `line`. Raises ValueError where it is none."""
        try:
            values = json.loads(line)
            raws = tuple(bytes.fromhex(text.removeprefix("0x")) for text in values["transactions"])
            return Block(int(values["number"]), from_hex(values["parent"], 32), int(values["at"]), raws)
        except (KeyError, TypeError, AttributeError, InvalidHex) as error:
            raise ValueError("not a block") from error


class Journal:
    """The blocks of the embedded chain on disk, in order. A block is written and synced before it is mined.

    A line with the number of the line before takes its place: what was mined is not always what was planned. A last
    line that was cut short stands for a block that was never mined, and is dropped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.blocks: list[Block] = []
        is_new = not path.exists()
        # Unbuffered: what the disk refuses must not linger and be written later.
        self._file = path.open("ab", buffering=0)
        if is_new:
            sync_folder(path.parent)
        try:
            self._size = self._load()
            self._file.truncate(self._size)
        except BaseException:
            self._file.close()
            raise

    def append(self, block: Block) -> None:
        """Puts a block on disk. When this returns it survives a power cut. Raises DevnetError, with nothing added."""
        line = block.line()
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._size)
            raise DevnetError(f"no block is mined, for {self._path} can't be written: {error.strerror}") from error
        self._size += len(line)
        self._keep(block)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _load(self) -> int:
        """Reads what is there. Returns the size in bytes of what is whole."""
        size = 0
        for line in self._path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                self._keep(Block.from_line(line))
            except ValueError as error:
                where = f"byte {size} of {self._path}"
                raise DevnetError(f"{where} is no block of the embedded chain: restore the file from a copy") from error
            size += len(line)
        return size

    def _keep(self, block: Block) -> None:
        if self.blocks and self.blocks[-1].number == block.number:
            self.blocks.pop()
        if block.number != len(self.blocks) + 1:
            raise ValueError(f"block {block.number} follows block {len(self.blocks)}")
        self.blocks.append(block)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Anvil's own dump of everything up to a block: the block's number and hash, and the dump as Anvil gave it."""

    number: int
    hash: bytes
    state: str

    def write(self, path: Path) -> None:
        """Puts it on disk in the place of the one before, whole or not at all. Raises OSError."""
        content = json.dumps({"number": self.number, "hash": to_hex(self.hash), "state": self.state})
        replace_file(path, gzip.compress(content.encode(), compresslevel=1))

    @staticmethod
    def read(path: Path) -> Checkpoint | None:
        """The checkpoint on disk; None where there is none that can be read."""
        try:
            values = json.loads(gzip.decompress(path.read_bytes()))
            return Checkpoint(int(values["number"]), from_hex(values["hash"], 32), str(values["state"]))
        except (OSError, EOFError, ValueError, KeyError, TypeError, InvalidHex):
            return None


def replace_file(path: Path, content: bytes) -> None:
    """The file appears with that content, synced, mode 0600, or stays as it was. Raises OSError."""
    draft = path.with_name(path.name + ".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes a file's name in that folder as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
