"""A node in one file, and a node made of such a file.

The file is a tar archive: manifest.json with the SHA-256 of everything else, tally.db, node.toml, the encrypted key
files, and an embedded chain's journal. Whatever the node's database is, tally.db is one of SQLite, written row by row
from one snapshot while everybody works on; so a backup of either kind is restored into either kind. The password of the
key files is not in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from api.errors import BadArgument, DamagedBackup, DatabaseTaken, DataFolderTaken, NewerDatabase
from api.node import Node
from api.schema import METADATA, make_ready, revisions
from api.settings import NODE_FILE, load_settings
from ledger import numbering
from ledger.blockjournal import sync_folder
from ledger.copying import copy_rows
from ledger.database import open_engine, reading, writing
from ledger.keystore import list_keys

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "tally.db"
MANIFEST_BYTES_MAX = 2**20
_CHAIN_FILES = ("chain.json", "blocks.journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has made: the signers whose numbers are unknown, or the next number of each where skipped."""

    revision: str
    made_at_us: int
    held: tuple[bytes, ...]
    skipped: Mapping[bytes, int]


def back_up(node: Node, output: Path, now_us: int) -> dict[str, Any]:
    """Writes a consistent copy of the node, which may run meanwhile. The manifest. Raises BadArgument for a taken name.

    The journal of an embedded chain is read after the database, so that the chain has all that the database knows of.
    """
    if output.exists():
        raise BadArgument(f"{output} is there already: a backup never takes another's place")
    output = output.absolute()
    with _draft(output, "tmp") as draft:
        _copy_database(node.engine, draft / DATABASE)
        for name, content in _files(node):
            target = draft / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        names = sorted(path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file())
        manifest = {
            "format": FORMAT,
            "version": version("tallystick"),
            "revision": revisions()[-1],
            "madeAtUs": now_us,
            "chainId": node.deployment.chain_id,
            "files": [{"name": name, **_measure(draft / name)} for name in names],
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1))
        _pack(draft, [MANIFEST, *names], output)
    return manifest


def restore(file: Path, data: Path, now_us: int, *, skips_numbers: bool = False, times: int = 1) -> Restored:
    """Makes the node of a backup in a folder that is not there yet, or empty.

    Nothing can be recorded with its keys before their numbers are skipped; with `skips_numbers` they are, `times` times
    2^32. The database is the one that node.toml, or TALLY_DATABASE_URL, names. Raises DataFolderTaken, DatabaseTaken,
    DamagedBackup, or NewerDatabase; then nothing has changed.
    """
    data = data.absolute()
    if data.exists() and any(data.iterdir()):
        raise DataFolderTaken(data)
    data.parent.mkdir(parents=True, exist_ok=True)
    with _draft(data, "restoring") as draft:
        manifest = _unpack(file, draft)
        engine = open_engine(f"sqlite:///{draft / DATABASE}")
        try:
            _check_whole(engine, file)
            make_ready(engine, upgrades=True)
            restored = _hold(engine, draft, manifest, now_us, times if skips_numbers else 0)
            _move_elsewhere(engine, draft)
        finally:
            engine.dispose()
        for path in draft.rglob("*"):
            _sync(path)
        draft.rename(data)
        sync_folder(data.parent)
    return restored


# ------------------------------------------------------------------------------------------------------- writing one


@contextmanager
def _draft(target: Path, kind: str) -> Iterator[Path]:
    """A folder beside the target that is gone afterwards, unless it has got another name.

    Its own name is drawn: one that was killed leaves its draft behind, and in a container has the same process id.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=f".{kind}", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_database(engine: Engine, file: Path) -> None:
    target = open_engine(f"sqlite:///{file}")
    try:
        make_ready(target)
        with reading(engine) as source, writing(target, durable=False) as copy:
            copy_rows(source.connection(), copy.connection(), METADATA.sorted_tables)
    finally:
        # With its last connection SQLite brings its log into the file, and removes it.
        target.dispose()


def _files(node: Node) -> Iterator[tuple[str, bytes]]:
    settings = node.settings
    yield NODE_FILE, (settings.data / NODE_FILE).read_bytes()
    for key in list_keys(settings.keys_folder):
        yield f"keys/{key.path.name}", key.path.read_bytes()
    for name in _CHAIN_FILES:
        path = settings.chain_folder / name
        if path.is_file():
            yield f"chain/{name}", path.read_bytes()


def _measure(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _pack(folder: Path, names: list[str], output: Path) -> None:
    """The archive appears whole or not at all, mode 0600."""
    packed = folder / "packed.tar"
    descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in names:
                archive.add(folder / name, name, recursive=False)
        file.flush()
        os.fsync(file.fileno())
    os.link(packed, output)
    sync_folder(output.parent)


# ------------------------------------------------------------------------------------------------------- reading one


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    """Puts the backup's files into the folder, each of the size and with the digest that the manifest says."""
    try:
        with tarfile.open(file, "r:") as archive:
            manifest = _manifest(file, archive)
            for entry in manifest["files"]:
                _extract(file, archive, entry, folder)
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError, EOFError) as error:
        raise DamagedBackup(file, str(error) or type(error).__name__) from error
    for wanted in (DATABASE, NODE_FILE):
        if not (folder / wanted).is_file():
            raise DamagedBackup(file, f"there is no {wanted} in it")
    return manifest


def _manifest(file: Path, archive: tarfile.TarFile) -> dict[str, Any]:
    first = archive.next()
    if first is None or first.name != MANIFEST or first.size > MANIFEST_BYTES_MAX:
        raise DamagedBackup(file, "it does not begin with a manifest, so that it is no backup")
    manifest: dict[str, Any] = json.loads(_content(archive, first).read())
    if manifest["format"] != FORMAT:
        raise DamagedBackup(file, f"it has the format {manifest['format']}, this version reads {FORMAT}")
    if manifest["revision"] not in revisions():
        raise NewerDatabase(str(manifest["revision"]), revisions()[-1])
    return manifest


def _extract(file: Path, archive: tarfile.TarFile, entry: Mapping[str, Any], folder: Path) -> None:
    name = PurePosixPath(str(entry["name"]))
    is_known = (len(name.parts) == 1 and name.name in (DATABASE, NODE_FILE)) or (
        len(name.parts) == 2 and (name.parts[0] == "keys" or name.parts in [("chain", each) for each in _CHAIN_FILES])
    )
    if not is_known or ".." in name.parts:
        raise DamagedBackup(file, f"{name} has no place in a backup")
    target = folder / name
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with _content(archive, archive.getmember(str(name))) as source, target.open("wb") as out:
        target.chmod(0o600)
        shutil.copyfileobj(source, out)
    if _measure(target) != {"size": entry["size"], "sha256": entry["sha256"]}:
        raise DamagedBackup(file, f"{name} in it is not what it was")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise KeyError(f"{member.name} is no file")
    return content


def _check_whole(engine: Engine, file: Path) -> None:
    try:
        with engine.connect() as connection:
            said = connection.execute(text("PRAGMA integrity_check")).scalar_one()
    except DatabaseError as error:
        raise DamagedBackup(file, f"its database can't be read: {error.orig}") from error
    if said != "ok":
        raise DamagedBackup(file, f"its database is damaged: {said}")


def _hold(engine: Engine, folder: Path, manifest: Mapping[str, Any], now_us: int, times: int) -> Restored:
    accounts = [key.address for key in list_keys(folder / "keys")]
    with writing(engine) as session:
        numbering.hold(session, accounts, now_us)
        held = numbering.held(session)
        skipped = {signer: numbering.skip(session, signer, now_us, times=times) for signer in held if times}
    left = () if times else tuple(held)
    return Restored(str(manifest["revision"]), int(manifest["madeAtUs"]), left, skipped)


def _move_elsewhere(engine: Engine, folder: Path) -> None:
    """Puts the rows into the database that the settings name, where that is another one. Raises DatabaseTaken."""
    settings = load_settings(folder)
    if settings.database_url is None:
        return
    target = open_engine(settings.database_url)
    try:
        make_ready(target, upgrades=True)
        with reading(engine) as source, writing(target) as copy:
            if any(copy.execute(select(table).limit(1)).first() for table in METADATA.sorted_tables):
                raise DatabaseTaken(target.url.render_as_string())
            copy_rows(source.connection(), copy.connection(), METADATA.sorted_tables)
    finally:
        target.dispose()
    engine.dispose()
    for file in folder.glob(f"{DATABASE}*"):
        file.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
