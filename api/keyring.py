"""The key files of a data folder, each opened when it is first needed: opening one costs scrypt's time on purpose."""

from __future__ import annotations

import getpass
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from api.settings import Settings
from ledger.errors import KeyLocked, KeyNotFound
from ledger.keystore import KeyFile, LocalSigner, Signer, list_keys, open_key

NODE_KEY = "node"
"""The key file whose key sends transactions and signs capture receipts."""
PASSWORD_FILE = "password"  # noqa: S105 - a file's name


class Keyring:
    """The keys of one folder. Signers stay open once opened; safe for several threads.

    `password` gives what unlocks them, asking for it where it has to; raises KeyLocked.
    """

    def __init__(self, folder: Path, password: Callable[[], str]) -> None:
        self.password = password
        self._folder = folder
        self._open: dict[str, LocalSigner] = {}
        self._listed: tuple[int, list[KeyFile]] = (-1, [])
        self._lock = threading.Lock()

    def files(self) -> list[KeyFile]:
        """Every key file by name, without opening it. Read again where the folder has changed."""
        changed_at_ns = self._folder.stat().st_mtime_ns if self._folder.is_dir() else 0
        if self._listed[0] != changed_at_ns:
            self._listed = (changed_at_ns, list_keys(self._folder))
        return self._listed[1]

    def signer(self, name: str) -> LocalSigner:
        """The signer in NAME.json. Raises KeyNotFound, KeyLocked, or KeyFileError."""
        with self._lock:
            if name not in self._open:
                self._open[name] = open_key(self._folder, name, self.password())
            return self._open[name]

    def signer_of(self, address: bytes) -> LocalSigner | None:
        """The signer of that account, None where no key file holds it."""
        found = next((file for file in self.files() if file.address == address), None)
        return self.signer(found.name) if found else None

    def by_account(self) -> Mapping[bytes, Signer]:
        """The signers by account, each opened when it is taken out: whoever only looks costs no password."""
        return _ByAccount(self)

    def node_file(self) -> KeyFile:
        """The node's own key file, unopened. Raises KeyNotFound."""
        found = next((file for file in self.files() if file.name == NODE_KEY), None)
        if found is None:
            raise KeyNotFound(NODE_KEY)
        return found


class _ByAccount(Mapping[bytes, Signer]):
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._names = {file.address: file.name for file in keyring.files()}

    def __getitem__(self, account: bytes) -> Signer:
        return self._keyring.signer(self._names[account])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def keyring_of(settings: Settings) -> Keyring:
    """The keyring of a data folder, unlocked by the password file, or by asking at the terminal."""
    return Keyring(settings.keys_folder, password_of(settings))


def password_of(settings: Settings) -> Callable[[], str]:
    """How the password comes: from the file that the settings name, from DATA/keys/password, or from the terminal.

    What it returns asks once at most. It raises KeyLocked where there is nobody to ask, or the file can't be read.
    """
    answers: list[str] = []

    def password() -> str:
        if not answers:
            answers.append(_read_password(settings))
        return answers[0]

    return password


def _read_password(settings: Settings) -> str:
    file = settings.key_password_file or settings.keys_folder / PASSWORD_FILE
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except FileNotFoundError:
        if settings.key_password_file is not None:
            raise KeyLocked(NODE_KEY, f"the password file {file} is not there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyLocked(NODE_KEY, f"the password file {file} can't be read: {error}") from error
    if not sys.stdin.isatty():
        raise KeyLocked(NODE_KEY, "no password: put it into a file and name it in TALLY_KEY_PASSWORD_FILE")
    return getpass.getpass("Password of the key files: ")
