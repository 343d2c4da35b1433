"""Which chain and contracts a verifier trusts, and their answers: from its own settings, never from a bundle."""

from __future__ import annotations

from dataclasses import dataclass

from api.errors import BadSettings, IncompleteTrust
from api.settings import Settings
from ledger.chain import TIMEOUT_S, Chain, ChainView
from ledger.deployment import Deployment, Escrow, check
from ledger.errors import ChainError, ChainReason
from ledger.hexadecimal import address_from_text
from traceability.verification import Trusted


@dataclass(frozen=True, slots=True)
class Trust:
    """Chain and contracts that are trusted. Without `rpc_url` they can be compared, but not asked.

    What is final is as in ledger.batch.AnchoringSettings.
    """

    contracts: Trusted
    rpc_url: str | None
    confirmations: int = 1
    by_tag: bool = False


def trust_of(settings: Settings) -> Trust:
    """The node's own chain and contracts. Raises BadSettings where they are not set."""
    deployment = deployment_of(settings)
    contracts = Trusted(deployment.chain_id, deployment.event_log, deployment.party_registry)
    return Trust(contracts, settings.resolved_rpc_url, settings.confirmations, settings.is_by_tag)


def trust_given(rpc_url: str | None, event_log: str | None, party_registry: str | None) -> Trust:
    """What a verifier without a node names: an address of the chain and both contracts.

    The chain id is what the chain at that address says of itself: who chooses the address chooses the chain.
    Raises IncompleteTrust, InvalidHex, BadChecksum, or ChainError.
    """
    options = {"--rpc-url": rpc_url, "--event-log": event_log, "--party-registry": party_registry}
    missing = [name for name, value in options.items() if not value]
    if not rpc_url or missing:
        raise IncompleteTrust(", ".join(missing))
    contracts = address_from_text(event_log), address_from_text(party_registry)
    return Trust(Trusted(Chain.found_at(rpc_url).chain_id, *contracts), rpc_url)


def deployment_of(settings: Settings) -> Deployment:
    """The deployment that the settings name. Raises BadSettings where something of it is missing."""
    if settings.chain_id is None or settings.event_log is None or settings.party_registry is None:
        raise BadSettings(f"{settings.data}/node.toml names no deployment: chain_id, event_log and party_registry")
    escrow = settings.delivery_escrow
    return Deployment(
        settings.chain_id,
        address_from_text(settings.event_log),
        address_from_text(settings.party_registry),
        settings.start_block,
        Escrow.at(address_from_text(escrow), list(settings.currencies)) if escrow is not None else None,
    )


def chain_of(settings: Settings, *, timeout_s: float = TIMEOUT_S) -> Chain:
    """The node's chain, not asked anything yet. Raises ChainError(unreachable) where no address of it is known."""
    rpc_url = settings.resolved_rpc_url
    if rpc_url is None:
        where = "the embedded chain is not running" if settings.embedded else "no rpc_url is set in node.toml"
        raise ChainError(ChainReason.UNREACHABLE, where)
    return Chain(rpc_url, deployment_of(settings).chain_id, timeout_s=timeout_s)


def answers_of(trust: Trust) -> ChainView:
    """The trusted contracts' answers at the newest final block. Raises ChainError, also where they are not there."""
    if trust.rpc_url is None:
        raise ChainError(ChainReason.UNREACHABLE, "no address of the chain is known: give --rpc-url, or use --offline")
    chain = Chain(trust.rpc_url, trust.contracts.chain_id)
    check(chain, Deployment(trust.contracts.chain_id, trust.contracts.event_log, trust.contracts.party_registry, 0))
    contracts = trust.contracts.event_log, trust.contracts.party_registry
    return ChainView.newest(chain, *contracts, confirmations=trust.confirmations, by_tag=trust.by_tag)
