"""The two contracts: deploys them, finds them again, and keeps a database from being used with any others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from ledger.abi import interface
from ledger.chain import Call, Chain, Receipt
from ledger.database import reading, writing
from ledger.errors import ChainError, ChainReason, WrongDeployment
from ledger.hexadecimal import to_address
from ledger.keystore import Signer
from ledger.record import Domain
from ledger.tables import DeploymentRow
from ledger.transaction import Transaction, created_address, sign, transaction_hash

WAITS_MAX = 600
"""How often `wait` is called for one transaction before the deployment is given up."""

_Profile = tuple[str, str, int, str, bytes]
Founder = tuple[bytes, _Profile]
"""(account, (GLN, legal name, roles as a bit set, endpoint, encryption key)): as PartyRegistry wants it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One consortium's contracts on one chain. Nothing they said is older than block `block`."""

    chain_id: int
    event_log: bytes
    party_registry: bytes
    block: int = 0

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain in which records are signed."""
        return Domain(self.chain_id, self.event_log)


def deploy(
    chain: Chain,
    signer: Signer,
    founders: Sequence[Founder],
    *,
    wait: Callable[[], None],
    first_nonce: int | None = None,
) -> Deployment:
    """Puts PartyRegistry (with its founding members) and EventLog on the chain, and says where they are.

    `wait` is called until a block has come: it mines one, or sleeps. With `first_nonce` the signer's transactions of
    that nonce and the next are the two contracts, so that a deployment that was cut short is taken up again and a
    finished one is found. Raises ChainError.
    """
    chain.check_id()
    nonce = chain.transaction_counts([signer.address])[0] if first_nonce is None else first_nonce
    registry, event_log = (created_address(signer.address, nonce + offset) for offset in (0, 1))
    block = chain.head().number
    has_registry, has_log = chain.has_code([registry, event_log])
    if not has_registry:
        _create(chain, signer, nonce, interface("PartyRegistry").creation(list(founders)), wait)
    if not has_log:
        _create(chain, signer, nonce + 1, interface("EventLog").creation(registry), wait)
    deployment = Deployment(chain.chain_id, event_log, registry, 0 if has_registry else block)
    check(chain, deployment)
    return deployment


def check(chain: Chain, deployment: Deployment) -> None:
    """Returns nothing where chain and contracts are the ones meant.

    Raises ChainError(wrong_chain | no_contract | unreachable), or WrongDeployment where the two don't belong together.
    """
    if chain.chain_id != deployment.chain_id:
        raise ChainError(
            ChainReason.WRONG_CHAIN,
            f"the deployment is on chain {deployment.chain_id}, not on {chain.chain_id}: correct node.toml",
        )
    chain.check_id()
    contracts = {"EventLog": deployment.event_log, "PartyRegistry": deployment.party_registry}
    for (name, address), is_there in zip(contracts.items(), chain.has_code(list(contracts.values())), strict=True):
        if not is_there:
            raise ChainError(
                ChainReason.NO_CONTRACT,
                f"no {name} at {to_address(address)} on chain {chain.chain_id}: correct node.toml, or deploy it first",
            )
    if (found := _registry_of(chain, deployment.event_log)) != deployment.party_registry:
        raise WrongDeployment(
            f"the EventLog at {to_address(deployment.event_log)} belongs to another PartyRegistry "
            f"({to_address(found)}) than node.toml names: correct one of the two"
        )


def bind(engine: Engine, deployment: Deployment) -> None:
    """Ties a database to a deployment, for ever. Raises WrongDeployment where it is tied to another."""
    with reading(engine) as session:
        bound = session.get(DeploymentRow, 1)
    if bound is None:
        with writing(engine) as session:
            bound = session.get(DeploymentRow, 1)
            if bound is None:
                session.add(DeploymentRow(
                    chain_id=deployment.chain_id, event_log=deployment.event_log,
                    party_registry=deployment.party_registry, block_number=deployment.block,
                ))  # fmt: skip
                return
            session.expunge(bound)
    if (bound.chain_id, bound.event_log, bound.party_registry) != (
        deployment.chain_id, deployment.event_log, deployment.party_registry,
    ):  # fmt: skip
        raise WrongDeployment(
            f"this data folder belongs to the EventLog {to_address(bound.event_log)} on chain {bound.chain_id}, not "
            f"to {to_address(deployment.event_log)} on chain {deployment.chain_id}: use its own node.toml, or another "
            "--data"
        )


def _create(chain: Chain, signer: Signer, nonce: int, creation: bytes, wait: Callable[[], None]) -> None:
    """Sends a contract's creation and returns once it stands. Raises ChainError."""
    prepared = chain.prepare(signer.address, None, creation)
    transaction = Transaction(
        chain_id=chain.chain_id, nonce=nonce, to=None, data=creation, gas=prepared.gas + prepared.gas // 4,
        tip_wei=prepared.fees.tip_wei, max_fee_wei=prepared.fees.max_fee_wei,
    )  # fmt: skip
    raw = sign(transaction, signer)
    chain.send(raw)
    receipt = _await_receipt(chain, transaction_hash(raw), wait)
    if not receipt.is_success:
        raise ChainError(ChainReason.REVERTED, "the contract's creation was reverted: look at its constructor's rules")


def _await_receipt(chain: Chain, name: bytes, wait: Callable[[], None]) -> Receipt:
    for _ in range(WAITS_MAX):
        (receipt,) = chain.receipts([name])
        if receipt is not None:
            return receipt
        wait()
    raise ChainError(ChainReason.UNREACHABLE, f"no block took the transaction 0x{name.hex()}: does the chain go on?")


def _registry_of(chain: Chain, event_log: bytes) -> bytes:
    face = interface("EventLog")
    number = chain.head().number
    try:
        (answer,) = chain.call([Call(event_log, face.call("registry"))], number)
        (registry,) = face.answer("registry", answer)
    except (ChainError, ValueError) as error:
        if isinstance(error, ChainError) and error.reason is not ChainReason.REVERTED:
            raise
        raise WrongDeployment(f"the contract at {to_address(event_log)} is no EventLog: correct node.toml") from error
    return bytes(registry)
