"""API keys belong to a party, are stored hashed, and can be revoked."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from api.errors import NoSuchApiKey, RevokedApiKey, UnknownApiKey
from api.keys import create_api_key, list_api_keys, party_of_api_key, revoke_api_key
from api.schema import METADATA

ROASTER, RETAILER = b"\x01" * 20, b"\x02" * 20


def drawn(byte: int) -> bytes:
    return bytes([byte]) * 32


def test_a_key_opens_the_door_for_its_party(engine: Engine) -> None:
    of_roaster = create_api_key(engine, ROASTER, "packing line", 1, lambda _: drawn(1))
    of_retailer = create_api_key(engine, RETAILER, "till", 2, lambda _: drawn(2))
    assert of_roaster.startswith("tally_")
    assert party_of_api_key(engine, of_roaster) == ROASTER
    assert party_of_api_key(engine, of_retailer) == RETAILER


def test_the_database_does_not_hold_the_key(engine: Engine) -> None:
    secret = create_api_key(engine, ROASTER, "packing line", 1, lambda _: drawn(1))
    with engine.connect() as connection:
        rows = [row for table in METADATA.sorted_tables for row in connection.execute(table.select())]
    stored = repr(rows)
    assert "packing line" in stored
    assert secret.removeprefix("tally_") not in stored
    assert repr(drawn(1))[2:-1] not in stored


@pytest.mark.parametrize("secret", ["", "tally_", "tally_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQA", "Bearer x"])
def test_a_key_that_was_never_issued_is_refused(engine: Engine, secret: str) -> None:
    create_api_key(engine, ROASTER, "packing line", 1, lambda _: drawn(1))
    with pytest.raises(UnknownApiKey):
        party_of_api_key(engine, secret)


def test_a_revoked_key_is_refused_by_its_label_and_the_others_stay_good(engine: Engine) -> None:
    lost = create_api_key(engine, ROASTER, "lost scanner", 1, lambda _: drawn(1))
    kept = create_api_key(engine, ROASTER, "packing line", 2, lambda _: drawn(2))
    number = next(key.number for key in list_api_keys(engine, ROASTER) if key.label == "lost scanner")
    revoke_api_key(engine, number, 7)
    revoke_api_key(engine, number, 9)
    with pytest.raises(RevokedApiKey, match="lost scanner"):
        party_of_api_key(engine, lost)
    assert party_of_api_key(engine, kept) == ROASTER
    assert [key.revoked_at_us for key in list_api_keys(engine)] == [7, None]


def test_a_number_that_is_no_key_is_said_to_be_none(engine: Engine) -> None:
    with pytest.raises(NoSuchApiKey, match="17"):
        revoke_api_key(engine, 17, 1)


def test_a_party_sees_its_own_keys(engine: Engine) -> None:
    create_api_key(engine, ROASTER, "packing line", 1, lambda _: drawn(1))
    create_api_key(engine, RETAILER, "till", 2, lambda _: drawn(2))
    assert [key.label for key in list_api_keys(engine, RETAILER)] == ["till"]
