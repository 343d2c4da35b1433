"""API keys: a bearer secret that belongs to a party. Only its SHA-256 is stored.

A key is 32 random bytes, so that a plain hash of it can't be guessed back; no slow password hash is needed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, bindparam, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Field, SQLModel

from api.errors import NoSuchApiKey, RevokedApiKey, UnknownApiKey
from ledger.database import reading, writing

_PREFIX = "tally_"


class ApiKeyRow(SQLModel, table=True):
    """One API key. `id` is its number, by which people name it; `label` says what it is for."""

    __tablename__ = "api_keys"

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    key_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    party: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    label: str
    created_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    revoked_at_us: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of a key: all but the secret, which nobody has any more."""

    number: int
    party: bytes
    label: str
    created_at_us: int
    revoked_at_us: int | None


def create_api_key(engine: Engine, party: bytes, label: str, now_us: int, randomness: Callable[[int], bytes]) -> str:
    """A new key of the party. It is returned this once and can't be shown again."""
    secret = _PREFIX + base64.urlsafe_b64encode(randomness(32)).decode().rstrip("=")
    with writing(engine) as session:
        session.execute(
            insert(ApiKeyRow),
            [{"key_hash": _hash(secret), "party": party, "label": label, "created_at_us": now_us}],
        )
    return secret


def party_of_api_key(engine: Engine, secret: str) -> bytes:
    """The party (20 bytes) that the key belongs to. Raises UnknownApiKey or RevokedApiKey."""
    with engine.connect() as connection:
        row = connection.execute(_BY_HASH, {"key_hash": _hash(secret)}).one_or_none()
    if row is None:
        raise UnknownApiKey
    if row.revoked_at_us is not None:
        raise RevokedApiKey(row.label)
    return bytes(row.party)


def list_api_keys(engine: Engine, party: bytes | None = None) -> list[ApiKey]:
    """The keys of a party, or of all, oldest first."""
    query = select(*_KEYS).order_by(_KEYS.id)
    if party is not None:
        query = query.where(_KEYS.party == party)
    with reading(engine) as session:
        rows = session.execute(query).all()
    return [ApiKey(row.id, bytes(row.party), row.label, row.created_at_us, row.revoked_at_us) for row in rows]


def revoke_api_key(engine: Engine, number: int, now_us: int) -> None:
    """From now on the key is refused; revoking it again changes nothing. Raises NoSuchApiKey."""
    with writing(engine) as session:
        if session.execute(select(_KEYS.id).where(_KEYS.id == number)).one_or_none() is None:
            raise NoSuchApiKey(number)
        still_good = (_KEYS.id == number) & _KEYS.revoked_at_us.is_(None)
        session.execute(update(ApiKeyRow).where(still_good).values(revoked_at_us=now_us))


_KEYS = SQLModel.metadata.tables["api_keys"].c
_BY_HASH = select(_KEYS.party, _KEYS.label, _KEYS.revoked_at_us).where(_KEYS.key_hash == bindparam("key_hash"))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
