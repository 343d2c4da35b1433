"""Key files: interoperable with Ethereum's wallets, never overwritten, never readable by others."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from ledger.errors import KeyFileError, KeyLocked, KeyNotFound
from ledger.hexadecimal import address_from_text
from ledger.keystore import LocalSigner, create_key, list_keys, open_key, store_key
from ledger.record import CURVE_ORDER, recover

CHEAP = 2**10
PASSWORD = "correct horse, 電池 staple"
SECRET = bytes(range(1, 33))


def test_a_created_key_opens_again_with_its_password(tmp_path: Path) -> None:
    created = create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    opened = open_key(tmp_path, "grower", PASSWORD)
    assert opened.address == created.address
    assert recover(b"\7" * 32, opened.sign(b"\7" * 32)) == created.address


def test_two_created_keys_differ(tmp_path: Path) -> None:
    one = create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    assert create_key(tmp_path, "roaster", PASSWORD, scrypt_n=CHEAP).address != one.address


def test_eth_account_opens_our_key_file(tmp_path: Path) -> None:
    signer = store_key(tmp_path, "grower", PASSWORD, SECRET, scrypt_n=CHEAP)
    keystore = json.loads((tmp_path / "grower.json").read_bytes())
    assert bytes(Account.decrypt(keystore, PASSWORD)) == SECRET
    assert address_from_text(Account.from_key(SECRET).address) == signer.address


def test_we_open_eth_accounts_key_file(tmp_path: Path) -> None:
    keystore = Account.encrypt(SECRET, PASSWORD, kdf="scrypt", iterations=CHEAP)
    (tmp_path / "roaster.json").write_text(json.dumps(keystore))
    assert open_key(tmp_path, "roaster", PASSWORD).address == LocalSigner(SECRET).address
    assert [(key.name, key.address) for key in list_keys(tmp_path)] == [("roaster", LocalSigner(SECRET).address)]


def test_a_wrong_password_leaves_the_key_locked(tmp_path: Path) -> None:
    create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    with pytest.raises(KeyLocked, match="'grower' stays locked: the password is wrong"):
        open_key(tmp_path, "grower", PASSWORD + " ")


def test_a_name_without_a_file_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyNotFound, match="no key file named 'carrier'"):
        open_key(tmp_path, "carrier", PASSWORD)


@pytest.mark.parametrize(
    "name", ["", "../grower", "Grower", "a/b", ".hidden", "-grower", "grower-", "a" * 65, "é", "a\n"]
)
def test_names_that_are_no_plain_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match="is no key name"):
        create_key(tmp_path, name, PASSWORD, scrypt_n=CHEAP)
    with pytest.raises(KeyFileError, match="is no key name"):
        open_key(tmp_path, name, PASSWORD)
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    first = create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    with pytest.raises(KeyFileError, match="'grower' already: it is not overwritten"):
        create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    assert open_key(tmp_path, "grower", PASSWORD).address == first.address
    assert [path.name for path in tmp_path.iterdir()] == ["grower.json"]


def test_only_the_owner_may_read_a_key_file(tmp_path: Path) -> None:
    create_key(tmp_path / "keys", "grower", PASSWORD, scrypt_n=CHEAP)
    assert stat.S_IMODE((tmp_path / "keys" / "grower.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_the_key_is_neither_in_its_file_nor_in_its_repr(tmp_path: Path) -> None:
    signer = store_key(tmp_path, "grower", PASSWORD, SECRET, scrypt_n=CHEAP)
    assert SECRET.hex() not in (tmp_path / "grower.json").read_text()
    assert repr(signer) == f"LocalSigner(0x{signer.address.hex()})"


def test_keys_are_listed_by_name_without_a_password_and_other_files_are_not(tmp_path: Path) -> None:
    roaster = create_key(tmp_path, "roaster", PASSWORD, scrypt_n=CHEAP)
    grower = create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    (tmp_path / "password").write_text(PASSWORD)
    listed = [(key.name, key.address) for key in list_keys(tmp_path)]
    assert listed == [("grower", grower.address), ("roaster", roaster.address)]
    assert list_keys(tmp_path / "absent") == []


def alter(path: Path, **changes: Any) -> None:
    """Changes members of a keystore's `crypto` (or, where it has none so named, of its `kdfparams`)."""
    keystore = json.loads(path.read_bytes())
    for name, value in changes.items():
        (keystore["crypto"] if name in keystore["crypto"] else keystore["crypto"]["kdfparams"])[name] = value
    path.write_text(json.dumps(keystore))


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"kdf": "pbkdf2"}, "only scrypt with aes-128-ctr"),
        ({"cipher": "aes-256-cbc"}, "only scrypt with aes-128-ctr"),
        ({"dklen": 16}, "only scrypt with aes-128-ctr"),
        ({"n": 2**24}, "out of bounds"),
        ({"n": 0}, "out of bounds"),
        ({"p": 1000}, "out of bounds"),
        ({"n": 1023}, "scrypt refuses"),
        ({"n": "many"}, "no version 3 keystore"),
        ({"salt": "xyz"}, "no version 3 keystore"),
        ({"kdfparams": []}, "no version 3 keystore"),
        ({"cipherparams": {"iv": "00"}}, "out of bounds"),
    ],
)
def test_a_key_file_that_asks_for_something_else_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    alter(tmp_path / "grower.json", **changes)
    with pytest.raises(KeyFileError, match=reason):
        open_key(tmp_path, "grower", PASSWORD)


@pytest.mark.parametrize("field", ["ciphertext", "mac"])
def test_an_altered_key_file_stays_locked(tmp_path: Path, field: str) -> None:
    create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    alter(tmp_path / "grower.json", **{field: "00" * 32})
    with pytest.raises(KeyLocked, match="or the file was altered"):
        open_key(tmp_path, "grower", PASSWORD)


def test_a_key_file_that_names_another_account_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path, "grower", PASSWORD, scrypt_n=CHEAP)
    path = tmp_path / "grower.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"address": "00" * 20}))
    with pytest.raises(KeyFileError, match="the key of another account than it says"):
        open_key(tmp_path, "grower", PASSWORD)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 2}', b"\xff", b"[" * 60_000, b" " * 70_000])
def test_a_file_that_is_no_keystore_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "grower.json").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"grower\.json"):
        open_key(tmp_path, "grower", PASSWORD)
    with pytest.raises(KeyFileError, match=r"grower\.json"):
        list_keys(tmp_path)


def test_a_keystore_without_an_address_can_not_be_listed(tmp_path: Path) -> None:
    (tmp_path / "grower.json").write_text('{"version": 3, "crypto": {}}')
    with pytest.raises(KeyFileError, match="'grower' names no address"):
        list_keys(tmp_path)


@pytest.mark.parametrize("secret", [bytes(32), CURVE_ORDER.to_bytes(32, "big"), b"\1" * 31])
def test_a_secret_that_is_no_private_key_is_refused(tmp_path: Path, secret: bytes) -> None:
    with pytest.raises(KeyFileError, match="a private key is 32 bytes"):
        store_key(tmp_path, "grower", PASSWORD, secret, scrypt_n=CHEAP)
    assert list(tmp_path.iterdir()) == []
