"""Keys at rest, and the one thing that signs: encrypted key files, and the Signer that a KMS or HSM can be as well.

A key file is a version 3 keystore with scrypt and AES-128-CTR, as Ethereum's wallets write and read it
(https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage). This file touches the disk.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from coincurve import PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ledger.errors import InvalidHex, KeyFileError, KeyLocked, KeyNotFound
from ledger.hexadecimal import from_hex
from ledger.record import CURVE_ORDER, address_of, keccak256

SCRYPT_N = 2**17
"""scrypt's cost: 128 MiB and some 0.3 s a key, the value of OWASP's password storage cheat sheet."""
SCRYPT_MEMORY_MAX = 2**30
"""A key file from elsewhere may not ask for more than 1 GiB."""
FILE_SIZE_MAX = 65_536

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", re.ASCII)


class Signer(Protocol):
    """Whoever signs for an account: a key in memory, a KMS, an HSM."""

    @property
    def address(self) -> bytes:
        """The account, 20 bytes."""

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v over a 32-byte digest, s at most n/2, v 27 or 28."""


class LocalSigner:
    """A Signer whose key is in this process's memory. Its repr shows the account, never the key."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < CURVE_ORDER:
            raise KeyFileError("a private key is 32 bytes, not zero and below the group order")
        self._key = PrivateKey(secret)
        self._address = address_of(self._key.public_key)

    @property
    def address(self) -> bytes:
        """The account, 20 bytes."""
        return self._address

    @property
    def secret(self) -> bytes:
        """The private key, 32 bytes, for those who write it into a key file."""
        return self._key.secret

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v; deterministic (RFC 6979), s is the lower of the two."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def __repr__(self) -> str:
        return f"LocalSigner(0x{self._address.hex()})"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file as anyone can read it without the password: its name and the account it claims to hold."""

    name: str
    address: bytes
    path: Path


def create_key(
    folder: Path,
    name: str,
    password: str,
    *,
    scrypt_n: int = SCRYPT_N,
    randomness: Callable[[int], bytes] = secrets.token_bytes,
) -> LocalSigner:
    """A fresh key, on disk as `folder/name.json` (mode 0600) before it is returned. Raises KeyFileError.

    `randomness` gives so many random bytes; anything but the default is for tests.
    """
    secret = (1 + int.from_bytes(randomness(48), "big") % (CURVE_ORDER - 1)).to_bytes(32, "big")
    return store_key(folder, name, password, secret, scrypt_n=scrypt_n, randomness=randomness)


def store_key(
    folder: Path,
    name: str,
    password: str,
    secret: bytes,
    *,
    scrypt_n: int = SCRYPT_N,
    randomness: Callable[[int], bytes] = secrets.token_bytes,
) -> LocalSigner:
    """Puts an existing private key (32 bytes) into a new key file. Raises KeyFileError, also if the name is taken."""
    path = _path(folder, name)
    signer = LocalSigner(secret)
    content = json.dumps(_seal(signer, password, scrypt_n, randomness), indent=1).encode()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_new(path, content)
    return signer


def open_key(folder: Path, name: str, password: str) -> LocalSigner:
    """The signer in `folder/name.json`. Raises KeyNotFound, KeyLocked (wrong password), KeyFileError (no keystore)."""
    path = _path(folder, name)
    if not path.is_file():
        raise KeyNotFound(name)
    return _unseal(name, _read(path), password)


def list_keys(folder: Path) -> list[KeyFile]:
    """Every key file of the folder by name, no password needed. Raises KeyFileError where one is no keystore.

    The address is what the file says; `open_key` checks it against the key.
    """
    paths = sorted(path for path in folder.glob("*.json") if _NAME.fullmatch(path.stem))
    return [KeyFile(path.stem, _claimed_address(path.stem, _read(path)), path) for path in paths]


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise KeyFileError(f"{name[:80]!r} is no key name: 1 to 64 of a-z, 0-9, '-' and '_', not at the ends")
    return folder / f"{name}.json"


def _read(path: Path) -> dict[str, Any]:
    """The keystore's JSON object. Raises KeyFileError."""
    try:
        if path.stat().st_size > FILE_SIZE_MAX:
            raise KeyFileError(f"{path} is too large to be a key file")
        keystore = json.loads(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise KeyFileError(f"{path} is no JSON") from error
    if not isinstance(keystore, dict) or keystore.get("version") != 3:
        raise KeyFileError(f"{path} is no version 3 keystore")
    return keystore


def _claimed_address(name: str, keystore: dict[str, Any]) -> bytes:
    digits = str(keystore.get("address")).lower().removeprefix("0x")
    try:
        return from_hex("0x" + digits, 20)
    except InvalidHex as error:
        raise KeyFileError(f"key file {name!r} names no address") from error


def _seal(signer: LocalSigner, password: str, scrypt_n: int, randomness: Callable[[int], bytes]) -> dict[str, Any]:
    """The keystore of a key: scrypt for the password, AES-128-CTR for the key, keccak256 to notice a wrong password."""
    salt, nonce = randomness(32), randomness(16)
    derived = _derive(password, salt, scrypt_n, r=8, p=1)
    sealed = _aes_ctr(derived[:16], nonce, signer.secret)
    return {
        "version": 3,
        "id": str(uuid.UUID(bytes=randomness(16), version=4)),
        "address": signer.address.hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": nonce.hex()},
            "ciphertext": sealed.hex(),
            "kdf": "scrypt",
            "kdfparams": {"n": scrypt_n, "r": 8, "p": 1, "dklen": 32, "salt": salt.hex()},
            "mac": keccak256(derived[16:32] + sealed).hex(),
        },
    }


def _unseal(name: str, keystore: dict[str, Any], password: str) -> LocalSigner:
    try:
        crypto = keystore["crypto"]
        kdf = crypto["kdfparams"]
        kinds = (crypto["cipher"], crypto["kdf"], kdf["dklen"])
        nonce, salt = bytes.fromhex(crypto["cipherparams"]["iv"]), bytes.fromhex(kdf["salt"])
        sealed, mac = bytes.fromhex(crypto["ciphertext"]), bytes.fromhex(crypto["mac"])
        n, r, p = int(kdf["n"]), int(kdf["r"]), int(kdf["p"])
    except (KeyError, TypeError, ValueError) as error:
        raise KeyFileError(f"key file {name!r} is no version 3 keystore") from error
    if kinds != ("aes-128-ctr", "scrypt", 32):
        raise KeyFileError(f"key file {name!r} uses {kinds}: only scrypt with aes-128-ctr and 32 bytes is read here")
    if not (n > 1 and r > 0 and 0 < p <= 16 and 128 * n * r <= SCRYPT_MEMORY_MAX and len(nonce) == 16):
        raise KeyFileError(f"key file {name!r} asks for scrypt parameters out of bounds")
    derived = _derive(password, salt, n, r, p)
    if not hmac.compare_digest(keccak256(derived[16:32] + sealed), mac):
        raise KeyLocked(name, "the password is wrong, or the file was altered")
    signer = LocalSigner(_aes_ctr(derived[:16], nonce, sealed))
    if signer.address != _claimed_address(name, keystore):
        raise KeyFileError(f"key file {name!r} holds the key of another account than it says")
    return signer


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    try:
        return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(password.encode())
    except (ValueError, MemoryError) as error:
        raise KeyFileError("scrypt refuses these parameters, or there is too little memory for them") from error


def _aes_ctr(key: bytes, nonce: bytes, data: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), modes.CTR(nonce)).encryptor()
    return context.update(data) + context.finalize()


def _write_new(path: Path, content: bytes) -> None:
    """The file appears whole or not at all, mode 0600, never in the place of another: a lost key is lost for ever."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A hard link fails where the name is taken; a rename would silently replace the key.
        os.link(draft, path)
    except FileExistsError as error:
        raise KeyFileError(f"there is a key file {path.stem!r} already: it is not overwritten") from error
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
