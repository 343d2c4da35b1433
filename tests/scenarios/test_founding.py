"""The demo's consortium on a real embedded chain.

run
├── on a fresh chain                    every device stands for its party; the voted member is in, the node anchors
├── a second time                       changes nothing
└── after a kill at any transaction     comes to the same end
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.abi import interface
from ledger.chain import Call, Chain
from ledger.deployment import Deployment
from ledger.devnet import Devnet
from ledger.keystore import LocalSigner
from scripts.founding import Founding, make_keys, role_bits
from scripts.scenario import ADMITTED, FOUNDERS, PARTIES
from tests.conftest import free_port

RECORD, ANCHOR, WITHDRAW = 1, 4, 8
REGISTRY = interface("PartyRegistry")


class Killed(Exception):
    """Stands for a SIGKILL."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LocalSigner]:
    return make_keys(tmp_path_factory.mktemp("data") / "keys")


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    devnet = Devnet.start(tmp_path / "chain", port=free_port(), started_at=int(time.time()) - 120 * 86_400)
    yield devnet
    devnet.stop()


def chain_of(devnet: Devnet) -> Chain:
    return Chain(devnet.rpc_url, devnet.chain_id)


def ask(devnet: Devnet, deployment: Deployment, function: str, *arguments: Any) -> tuple[Any, ...]:
    call = Call(deployment.party_registry, REGISTRY.call(function, *arguments))
    (answer,) = chain_of(devnet).call([call], devnet.head_number)
    return REGISTRY.answer(function, answer)


def assert_founded(devnet: Devnet, deployment: Deployment, keys: dict[str, LocalSigner]) -> None:
    def stands(key: str, use: int) -> bytes:
        party: bytes = ask(devnet, deployment, "standingOf", keys[key].address, use, devnet.head_at, 0)[0]
        return party

    for party in PARTIES:
        account = keys[party.slug].address
        (profile,) = ask(devnet, deployment, "profileOf", account)
        assert (profile["gln"], profile["name"], profile["roles"]) == (party.gln, party.name, role_bits(party.roles))
        assert stands(party.device or party.slug, RECORD) == account
        if party.device:
            assert stands(party.device, WITHDRAW) == bytes(20)
    assert stands("node", ANCHOR) == keys["operator"].address
    assert stands("node", RECORD) == bytes(20)


def test_every_device_stands_for_its_party_and_the_node_anchors(devnet: Devnet, keys: dict[str, LocalSigner]) -> None:
    deployment = Founding(devnet, chain_of(devnet), keys).run()
    assert_founded(devnet, deployment, keys)


def test_founding_again_changes_nothing(devnet: Devnet, keys: dict[str, LocalSigner]) -> None:
    founding = Founding(devnet, chain_of(devnet), keys)
    first = founding.run()
    nonces = chain_of(devnet).transaction_counts([keys[party.slug].address for party in PARTIES])
    second = founding.run()
    assert (second.event_log, second.party_registry) == (first.event_log, first.party_registry)
    assert chain_of(devnet).transaction_counts([keys[party.slug].address for party in PARTIES]) == nonces


@pytest.mark.parametrize("blocks", [1, 2, 4, 7, 12])
def test_a_founding_that_was_killed_is_taken_up_again(
    blocks: int, devnet: Devnet, keys: dict[str, LocalSigner], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine_at = devnet.mine_at

    def mine_until_killed(at: int) -> None:
        if devnet.head_number >= blocks:
            raise Killed
        mine_at(at)

    monkeypatch.setattr(devnet, "mine_at", mine_until_killed)
    with pytest.raises(Killed):
        Founding(devnet, chain_of(devnet), keys).run()
    monkeypatch.setattr(devnet, "mine_at", mine_at)
    deployment = Founding(devnet, chain_of(devnet), keys).run()
    assert_founded(devnet, deployment, keys)


def test_vienna_comes_in_by_the_votes_of_more_than_half(devnet: Devnet, keys: dict[str, LocalSigner]) -> None:
    deployment = Founding(devnet, chain_of(devnet), keys).run()
    assert ask(devnet, deployment, "activeCount") == (len(FOUNDERS) + 1,)
    (signer,) = ask(devnet, deployment, "signerOf", keys[ADMITTED.slug].address)
    (founder,) = ask(devnet, deployment, "signerOf", keys[FOUNDERS[0].slug].address)
    assert signer["from"] > founder["from"]


def test_keys_and_password_are_for_the_owners_eyes_and_stay_the_same(tmp_path: Path) -> None:
    first = make_keys(tmp_path / "keys")
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()} == {0o600}
    assert {name: key.secret for name, key in make_keys(tmp_path / "keys").items()} == {
        name: key.secret for name, key in first.items()
    }
