"""The contracts of one consortium: deploys them, finds them again, and keeps a database from being used with others.

PartyRegistry and EventLog are always there; a DeliveryEscrow with its Receivable, and the tokens whose transfers are
followed, where orders are paid through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.engine import Engine

from ledger.abi import interface
from ledger.chain import Call, Chain, Receipt
from ledger.database import reading, writing
from ledger.errors import ChainError, ChainReason, NoEscrow, WrongDeployment
from ledger.hexadecimal import to_address
from ledger.keystore import Signer
from ledger.orders import EscrowDomain
from ledger.record import Domain
from ledger.tables import DeploymentRow
from ledger.transaction import Transaction, created_address, sign, transaction_hash

WAITS_MAX = 600
"""How often `wait` is called for one transaction before the deployment is given up."""

_Profile = tuple[str, str, int, str, bytes]
Founder = tuple[bytes, _Profile]
"""(account, (GLN, legal name, roles as a bit set, endpoint, encryption key)): as PartyRegistry wants it."""


@dataclass(frozen=True, slots=True)
class Escrow:
    """A DeliveryEscrow, the Receivable that it has made, and the tokens whose transfers are followed."""

    address: bytes
    receivable: bytes
    tokens: tuple[bytes, ...] = ()

    @staticmethod
    def at(address: bytes, tokens: Sequence[bytes] = ()) -> Escrow:
        """The escrow at that address. Its receivable is the first contract that it made (EIP-161: with nonce 1)."""
        return Escrow(address, created_address(address, 1), tuple(tokens))


@dataclass(frozen=True, slots=True)
class Deployment:
    """One consortium's contracts on one chain. Nothing they said is older than block `block`.

    `names` says which contract stands at each address of the escrow's: DeliveryEscrow, Receivable, or token.
    """

    chain_id: int
    event_log: bytes
    party_registry: bytes
    block: int = 0
    escrow: Escrow | None = None
    names: dict[bytes, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names: dict[bytes, str] = {}
        if self.escrow is not None:
            names = dict.fromkeys(self.escrow.tokens, "token")
            names |= {self.escrow.address: "DeliveryEscrow", self.escrow.receivable: "Receivable"}
        object.__setattr__(self, "names", names)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain in which records are signed."""
        return Domain(self.chain_id, self.event_log)

    @property
    def escrow_domain(self) -> EscrowDomain:
        """The EIP-712 domain in which attestations and divisions are signed. Raises NoEscrow."""
        return EscrowDomain(self.chain_id, self.require_escrow().address)

    def require_escrow(self) -> Escrow:
        """The escrow. Raises NoEscrow where the deployment has none."""
        if self.escrow is None:
            raise NoEscrow
        return self.escrow


def deploy(
    chain: Chain,
    signer: Signer,
    founders: Sequence[Founder],
    *,
    wait: Callable[[], None],
    first_nonce: int | None = None,
    with_escrow: bool = False,
    with_token: bool = False,
) -> Deployment:
    """Puts PartyRegistry (with its founding members) and EventLog on the chain, and says where they are.

    After them DeliveryEscrow where it is wanted, and then SettlementToken. `wait` is called until a block has come: it
    mines one, or sleeps. With `first_nonce` the signer's transactions from that nonce on are the contracts, so that a
    deployment that was cut short is taken up again and a finished one is found. Raises ChainError.
    """
    chain.check_id()
    nonce = chain.transaction_counts([signer.address])[0] if first_nonce is None else first_nonce
    registry, event_log, escrow, token = (created_address(signer.address, nonce + offset) for offset in range(4))
    creations: list[tuple[bytes, Callable[[], bytes]]] = [
        (registry, lambda: interface("PartyRegistry").creation(list(founders))),
        (event_log, lambda: interface("EventLog").creation(registry)),
    ]
    deployment = Deployment(chain.chain_id, event_log, registry)
    if with_escrow:
        creations.append((escrow, lambda: interface("DeliveryEscrow").creation(event_log)))
        deployment = replace(deployment, escrow=Escrow.at(escrow))
        if with_token:
            creations.append((token, interface("SettlementToken").creation))
            deployment = replace(deployment, escrow=Escrow.at(escrow, [token]))
    block = chain.head().number
    are_there = chain.has_code([address for address, _ in creations])
    for offset, ((_, creation), is_there) in enumerate(zip(creations, are_there, strict=True)):
        if not is_there:
            _create(chain, signer, nonce + offset, creation(), wait)
    deployment = replace(deployment, block=0 if are_there[0] else block)
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
    contracts = [("EventLog", deployment.event_log), ("PartyRegistry", deployment.party_registry)]
    contracts += [(name, address) for address, name in deployment.names.items()]
    for (name, address), is_there in zip(contracts, chain.has_code([a for _, a in contracts]), strict=True):
        if not is_there:
            raise ChainError(
                ChainReason.NO_CONTRACT,
                f"no {name} at {to_address(address)} on chain {chain.chain_id}: correct node.toml, or deploy it first",
            )
    if (found := _address_of(chain, deployment.event_log, "EventLog", "registry")) != deployment.party_registry:
        raise WrongDeployment(
            f"the EventLog at {to_address(deployment.event_log)} belongs to another PartyRegistry "
            f"({to_address(found)}) than node.toml names: correct one of the two"
        )
    if deployment.escrow is not None:
        _check_escrow(chain, deployment, deployment.escrow)


def _check_escrow(chain: Chain, deployment: Deployment, escrow: Escrow) -> None:
    wanted = {"eventLog": deployment.event_log, "receivable": escrow.receivable}
    for function, address in wanted.items():
        if (found := _address_of(chain, escrow.address, "DeliveryEscrow", function)) != address:
            raise WrongDeployment(
                f"the DeliveryEscrow at {to_address(escrow.address)} has another {function} ({to_address(found)}) than "
                f"this deployment ({to_address(address)}): correct node.toml"
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
                    delivery_escrow=deployment.escrow.address if deployment.escrow else None,
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
    if deployment.escrow is not None and bound.delivery_escrow != deployment.escrow.address:
        _bind_escrow(engine, deployment.escrow)


def _bind_escrow(engine: Engine, escrow: Escrow) -> None:
    """An escrow may come in later, another one never."""
    with writing(engine) as session:
        bound = session.get_one(DeploymentRow, 1)
        if bound.delivery_escrow is None:
            bound.delivery_escrow = escrow.address
        elif bound.delivery_escrow != escrow.address:
            raise WrongDeployment(
                f"this data folder belongs to the DeliveryEscrow {to_address(bound.delivery_escrow)}, not to "
                f"{to_address(escrow.address)}: use its own node.toml, or another --data"
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


def _address_of(chain: Chain, contract: bytes, name: str, function: str) -> bytes:
    """The contract's answer, an address. Raises WrongDeployment where it is no such contract, or ChainError."""
    face = interface(name)
    number = chain.head().number
    try:
        (answer,) = chain.call([Call(contract, face.call(function))], number)
        (address,) = face.answer(function, answer)
    except (ChainError, ValueError) as error:
        if isinstance(error, ChainError) and error.reason is not ChainReason.REVERTED:
            raise
        raise WrongDeployment(f"the contract at {to_address(contract)} is no {name}: correct node.toml") from error
    return bytes(address)
