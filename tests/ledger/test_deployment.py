"""deployment: the contracts are put there once, found again, and never mistaken for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from ledger.abi import interface
from ledger.answers import Standing, StandingQuestion
from ledger.chain import Chain, ChainView
from ledger.deployment import Deployment, bind, check, deploy
from ledger.devnet import Devnet
from ledger.errors import ChainError, WrongDeployment
from ledger.keystore import LocalSigner
from ledger.transaction import Transaction, sign

GROWER = LocalSigner(b"\x11" * 32)
FOUNDERS = [(GROWER.address, ("9521234500001", "Highland Growers", 1, "", b""))]


@pytest.fixture
def chain(devnet: Devnet) -> Chain:
    return Chain(devnet.rpc_url, devnet.chain_id)


def deploy_on(devnet: Devnet, **options: Any) -> Deployment:
    chain = Chain(devnet.rpc_url, devnet.chain_id)
    return deploy(chain, devnet.deployer, FOUNDERS, wait=lambda: devnet.mine_at(devnet.head_at), **options)


def test_founders_stand_one_second_after_the_deployment(devnet: Devnet, chain: Chain) -> None:
    deployment = deploy_on(devnet, first_nonce=0)
    devnet.mine_at(devnet.head_at + 1)
    view = ChainView.newest(chain, deployment.event_log, deployment.party_registry)
    questions = [StandingQuestion(GROWER.address, 1, at, 0) for at in (view.now_at, view.now_at - 1)]
    assert view.standing_of(questions) == [Standing(GROWER.address, False), Standing(None, False)]


def test_a_finished_deployment_is_found_again(devnet: Devnet) -> None:
    deployment = deploy_on(devnet, first_nonce=0)
    head = devnet.head_number
    assert replace(deploy_on(devnet, first_nonce=0), block=deployment.block) == deployment
    assert devnet.head_number == head


def test_a_deployment_that_was_cut_short_is_taken_up_again(devnet: Devnet, chain: Chain) -> None:
    creation = interface("PartyRegistry").creation(FOUNDERS)
    chain.send(sign(Transaction(devnet.chain_id, 0, None, creation, 10**7, 0, 0), devnet.deployer))
    devnet.step(devnet.head_at)
    check(chain, deploy_on(devnet, first_nonce=0))
    assert chain.transaction_counts([devnet.deployer.address]) == [2]


def test_a_second_deployment_stands_beside_the_first(devnet: Devnet, chain: Chain) -> None:
    one, other = deploy_on(devnet), deploy_on(devnet)
    assert one.event_log != other.event_log
    assert other.block > one.block
    check(chain, other)


def test_founders_that_the_registry_refuses_are_named(devnet: Devnet) -> None:
    chain = Chain(devnet.rpc_url, devnet.chain_id)
    with pytest.raises(ChainError, match=r"BadGln\(gln=9521234500002\)"):
        deploy(chain, devnet.deployer, [(GROWER.address, ("9521234500002", "", 1, "", b""))], wait=lambda: None)


def test_another_chain_is_refused(deployment: Deployment, devnet: Devnet) -> None:
    wrong_id = Chain(devnet.rpc_url, 1)
    with pytest.raises(ChainError, match=f"is chain {devnet.chain_id}, this node belongs to chain 1") as caught:
        check(wrong_id, replace(deployment, chain_id=1))
    assert caught.value.code == "chain_wrong_chain"
    with pytest.raises(ChainError, match=r"correct node\.toml"):
        check(wrong_id, deployment)


@pytest.mark.parametrize("name", ["event_log", "party_registry"])
def test_a_contract_that_is_not_there_is_named(deployment: Deployment, chain: Chain, name: str) -> None:
    with pytest.raises(ChainError, match="0x7777777777777777777777777777777777777777") as caught:
        check(chain, replace(deployment, **{name: b"\x77" * 20}))
    assert caught.value.code == "chain_no_contract"


def test_an_event_log_of_another_registry_is_refused(deployment: Deployment, devnet: Devnet, chain: Chain) -> None:
    other = deploy_on(devnet)
    with pytest.raises(WrongDeployment, match="another PartyRegistry"):
        check(chain, replace(deployment, party_registry=other.party_registry))


def test_a_contract_that_is_no_event_log_is_refused(deployment: Deployment, chain: Chain) -> None:
    with pytest.raises(WrongDeployment, match="is no EventLog"):
        check(chain, replace(deployment, event_log=deployment.party_registry))


def test_a_database_belongs_to_one_deployment(engine: Engine, deployment: Deployment) -> None:
    bind(engine, deployment)
    bind(engine, replace(deployment, block=9))
    for change in ({"chain_id": 2}, {"event_log": b"\1" * 20}, {"party_registry": b"\1" * 20}):
        with pytest.raises(WrongDeployment, match="this data folder belongs to"):
            bind(engine, replace(deployment, **change))


def test_a_public_chain_is_paid_its_fees(start_anvil: Callable[..., Any]) -> None:
    anvil = start_anvil(chain_id=952_002)
    anvil.rpc("anvil_setBalance", "0x" + GROWER.address.hex(), hex(10**21))
    chain = Chain(anvil.url, 952_002)
    check(chain, deploy(chain, GROWER, FOUNDERS, wait=lambda: None))
