"""A backup is taken while the node runs, and becomes a node again
├── with everything that was accepted before it, on either kind of database, whatever it was made of
├── which uses no sequence number a second time
│   ├── it records nothing with a key of which it does not know what it has signed since
│   └── before that key's numbers are skipped, or another key stands for the party
└── and a folder that is taken, a damaged file and one of a newer version are refused
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.backup import MANIFEST, back_up, restore
from api.errors import BadArgument, DamagedBackup, DatabaseTaken, DataFolderTaken, NewerDatabase
from api.node import Node, opened_node
from api.recording import capture_document, now_us
from api.schema import METADATA
from ledger.database import reading
from ledger.errors import NumbersUnknown
from ledger.hexadecimal import to_address
from ledger.numbering import SKIPPED
from ledger.tables import RecordRow
from tests.api.conftest import PARTIES, Tally, Village, bag, document, seen
from tests.databases import Databases
from traceability.jobs import ErrorBehaviour
from traceability.repository import table

numbers = iter(range(10**6))


@pytest.fixture
def backup(village: Village, tmp_path: Path) -> Path:
    """The village's node in a file, with the grower's events in it."""
    village.capture("grower", seen(bag(f"kept-{next(numbers)}")), seen(bag(f"kept-{next(numbers)}")))
    file = tmp_path / "node.backup"
    back_up(village.node, file, now_us())
    return file


@pytest.fixture
def empty_database(village: Village, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """Where the restored node's rows go: an empty database of the same kind."""
    if databases.kind == "sqlite":
        yield None
        return
    with databases.empty() as url:
        monkeypatch.setenv("TALLY_DATABASE_URL", url)
        yield url


@contextmanager
def restored(file: Path, folder: Path, **options: Any) -> Iterator[Node]:
    restore(file, folder, now_us(), **options)
    (folder / "keys" / "password").write_text("correct horse\n")
    with opened_node(folder) as node:
        yield node


def rows(node: Node) -> dict[str, list[Any]]:
    with reading(node.engine) as session:
        return {
            each.name: [tuple(row) for row in session.execute(select(each).order_by(*each.primary_key))]
            for each in METADATA.sorted_tables
        }


def used(node: Node, party: bytes) -> dict[int, bytes]:
    """The record hash behind each number that the party's own key has used."""
    records = table(RecordRow).c
    query = select(records.sequence, records.record_hash).where(records.signer == party)
    with reading(node.engine) as session:
        return {row.sequence: row.record_hash for row in session.execute(query)}


def recorded(node: Node, party: bytes, serial: str) -> None:
    job = capture_document(node, party, document(seen(bag(serial))), ErrorBehaviour.ROLLBACK)
    assert [item.status.value for item in job.items] == ["accepted"]


def repacked(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The same archive with other contents; what becomes None is left out."""
    target = file.with_suffix(".changed")
    with tarfile.open(file) as source, tarfile.open(target, "w") as out:
        for member in source.getmembers():
            content = source.extractfile(member)
            assert content is not None
            changed = change(member.name, content.read())
            if changed is not None:
                entry = tarfile.TarInfo(member.name)
                entry.size = len(changed)
                out.addfile(entry, io.BytesIO(changed))
    return target


def test_all_rows_keys_and_blocks_are_there_again(
    village: Village, backup: Path, tmp_path: Path, empty_database: str | None
) -> None:
    before = rows(village.node)
    with restored(backup, tmp_path / "again") as node:
        after = rows(node)
        assert [file.name for file in node.keyring.files()] == [file.name for file in village.node.keyring.files()]
        assert node.keyring.signer("grower").address == village.keys["grower"].address
        assert node.engine.dialect.name == village.node.engine.dialect.name
    journal = (tmp_path / "again" / "chain" / "blocks.journal").read_bytes()
    assert (village.data / "chain" / "blocks.journal").read_bytes().startswith(journal)
    # The worker has gone on meanwhile, with what it notes of the chain.
    moving = {"restored_signers", "positions", "blocks"}
    for name in after.keys() - moving:
        assert after[name] == before[name], name
    assert {row[0] for row in after["restored_signers"]} >= {village.keys[name].address for name in PARTIES}
    assert ((tmp_path / "again" / "tally.db").exists()) == (empty_database is None)


def test_no_number_is_used_twice_after_a_restore(
    village: Village, backup: Path, tmp_path: Path, empty_database: str | None
) -> None:
    grower = village.keys["grower"].address
    # Recorded after the backup: the restored node can't know of it.
    village.capture("grower", seen(bag(f"lost-{next(numbers)}")), seen(bag(f"lost-{next(numbers)}")))
    original = used(village.node, grower)
    with restored(backup, tmp_path / "again") as node:
        known = used(node, grower)
        assert len(known) < len(original)
        with pytest.raises(NumbersUnknown, match="tally party signer skip"):
            recorded(node, grower, f"new-{next(numbers)}")
        assert used(node, grower) == known
    # Nor after it was opened again.
    with opened_node(tmp_path / "again") as node, pytest.raises(NumbersUnknown):
        recorded(node, grower, f"new-{next(numbers)}")
    (tmp_path / "skipped").mkdir()
    if empty_database is None:
        with restored(backup, tmp_path / "skipped", skips_numbers=True) as node:
            recorded(node, grower, f"new-{next(numbers)}")
            own = used(node, grower)
        assert max(own) == max(known) + 1 + SKIPPED
        assert all(original[number] == own[number] for number in original.keys() & own.keys())


def test_numbers_are_skipped_by_command_once(
    village: Village, backup: Path, tmp_path: Path, tally: Tally, empty_database: str | None
) -> None:
    grower = village.keys["grower"].address
    folder = tmp_path / "again"
    run = tally("restore", backup, "--data", folder, "--json")
    assert run.code == 0, run.err
    assert to_address(grower) in run.json["held"]
    (folder / "keys" / "password").write_text("correct horse\n")
    event = tmp_path / "event.json"
    event.write_bytes(document(seen(bag(f"new-{next(numbers)}"))))
    refused = tally("capture", event, "--party", "grower", "--data", folder, "--json")
    assert (refused.code, refused.json["code"]) == (2, "numbers_unknown")
    with opened_node(folder) as node:
        known = used(node, grower)
    skipped = tally("party", "signer", "skip", "grower", "--data", folder, "--json").json
    assert skipped == {"signer": to_address(grower), "nextNumber": max(known) + 1 + SKIPPED}
    assert tally("party", "signer", "skip", "grower", "--data", folder, "--json").json == skipped
    with opened_node(folder) as node:
        recorded(node, grower, f"new-{next(numbers)}")
        assert used(node, grower).keys() == known.keys() | {skipped["nextNumber"]}


def test_a_folder_that_is_taken_is_left_alone(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(DataFolderTaken):
        restore(backup, folder, now_us())
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_a_database_that_is_taken_is_left_alone(
    village: Village, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_DATABASE_URL", village.node.settings.resolved_database_url)
    before = used(village.node, village.keys["grower"].address)
    with pytest.raises(DatabaseTaken):
        restore(backup, tmp_path / "again", now_us())
    assert used(village.node, village.keys["grower"].address) == before
    assert not (tmp_path / "again").exists()


def test_a_backup_takes_no_other_file_s_place(village: Village, backup: Path) -> None:
    content = backup.read_bytes()
    with pytest.raises(BadArgument, match="there already"):
        back_up(village.node, backup, now_us())
    assert backup.read_bytes() == content


def flipped(wanted: str) -> Callable[[str, bytes], bytes]:
    return lambda name, content: (
        content[:-1] + bytes([content[-1] ^ 1]) if name == wanted else content
    )  # fmt: skip


def manifest_with(**changes: Any) -> Callable[[str, bytes], bytes]:
    return lambda name, content: json.dumps(json.loads(content) | changes).encode() if name == MANIFEST else content


def left_out(wanted: str) -> Callable[[str, bytes], bytes | None]:
    return lambda name, content: None if name == wanted else content


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (flipped("tally.db"), DamagedBackup),
        (flipped("keys/grower.json"), DamagedBackup),
        (flipped("chain/blocks.journal"), DamagedBackup),
        (left_out("tally.db"), DamagedBackup),
        (left_out(MANIFEST), DamagedBackup),
        (manifest_with(format=2), DamagedBackup),
        (manifest_with(files=[{"name": "../outside", "size": 0, "sha256": ""}]), DamagedBackup),
        (manifest_with(files=[]), DamagedBackup),
        (manifest_with(revision="9999"), NewerDatabase),
    ],
    ids=["database", "key", "journal", "no-database", "no-manifest", "format", "outside", "nothing", "newer"],
)
def test_what_is_damaged_or_newer_is_refused_and_nothing_is_made(
    backup: Path, tmp_path: Path, change: Callable[[str, bytes], bytes | None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        restore(repacked(backup, change), tmp_path / "again", now_us())
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_file_cut_short_and_one_of_something_else_are_refused(backup: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])
    other = tmp_path / "other"
    other.write_bytes(b"GIF89a" + bytes(4000))
    for file in (short, other, tmp_path / "nowhere"):
        with pytest.raises(DamagedBackup, match=str(file)):
            restore(file, tmp_path / "again", now_us())
    assert not (tmp_path / "again").exists()


def test_what_a_killed_one_has_left_is_in_nobodys_way(
    village: Village, backup: Path, empty_database: str | None, tmp_path: Path
) -> None:
    """In a container every `tally` has the process id of the one that was killed."""
    for name in (f".again.{os.getpid()}.tmp", f".made.{os.getpid()}.restoring"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").mkdir()
    back_up(village.node, tmp_path / "again", now_us())
    assert (tmp_path / "again").is_file()
    restore(backup, tmp_path / "made", now_us())
    assert (tmp_path / "made" / "node.toml").is_file()
