"""EventLog and PartyRegistry on a real Anvil, asked what they say to claims and signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.abi import interface
from ledger.chain import Call, Chain
from ledger.consortium import FOREVER, RegistryDomain, call
from ledger.deployment import Deployment, deploy
from ledger.errors import ChainError, ChainReason
from ledger.hexadecimal import from_hex, to_hex
from ledger.keystore import LocalSigner
from ledger.record import Domain, keccak256
from tests.conftest import Anvil, running_anvil

EVENT_LOG = interface("EventLog")
GROWER, DEVICE, STRANGER = (LocalSigner(keccak256(name)) for name in (b"grower", b"the grower's device", b"stranger"))
Claim = tuple[bytes, bytes, Sequence[bytes], bytes]
"""Record hash, signature, proof and root, as `recordedAt` takes them."""


@dataclass(frozen=True)
class Contracts:
    """One consortium of one member, the grower, and the chain that it stands on. Blocks come when one is asked for."""

    anvil: Anvil
    chain: Chain
    deployment: Deployment

    @property
    def domain(self) -> Domain:
        """The domain of the EventLog."""
        return self.deployment.domain

    @property
    def registry_domain(self) -> RegistryDomain:
        """The domain of the PartyRegistry."""
        return RegistryDomain(self.deployment.chain_id, self.deployment.party_registry)

    def anchor(self, roots: Sequence[bytes]) -> None:
        """The grower anchors these roots, all in one block."""
        sent = [self._send(EVENT_LOG.call("anchor", root, 1)) for root in roots]
        mine(self.anvil)
        assert all(receipt is not None and receipt.is_success for receipt in self.chain.receipts(sent))

    def recorded_at(self, claims: Sequence[Claim]) -> list[tuple[int, bytes]]:
        """For each claim the time and signer that EventLog.recordedAt answers; (0, zero) for what is not recorded."""
        calls = [Call(self.deployment.event_log, EVENT_LOG.call("recordedAt", *claim)) for claim in claims]
        answers = self.chain.call(calls, self.chain.head().number)
        return [(at, signer) for at, signer in (EVENT_LOG.answer("recordedAt", answer) for answer in answers)]

    def anchored_at(self, roots: Sequence[bytes]) -> list[int]:
        """For each root the time of its anchor."""
        calls = [Call(self.deployment.event_log, EVENT_LOG.call("anchorOf", root)) for root in roots]
        answers = self.chain.call(calls, self.chain.head().number)
        return [int(EVENT_LOG.answer("anchorOf", answer)[1]) for answer in answers]

    def withdrawing(self, record_hash: bytes, signature: bytes) -> str:
        """What EventLog.withdraw says to a stranger who hands the signature in; nothing where it is taken."""
        return self._refusal(STRANGER, self.deployment.event_log, EVENT_LOG.call("withdraw", record_hash, signature))

    def authorising(self, consent: bytes) -> str:
        """What PartyRegistry.authorise says to the grower who brings its device's consent; nothing if it is taken."""
        data = call("authorise", DEVICE.address, 15, 0, FOREVER, consent)
        return self._refusal(GROWER, self.deployment.party_registry, data)

    def _refusal(self, sender: LocalSigner, to: bytes, data: bytes) -> str:
        try:
            self.chain.prepare(sender.address, to, data)
        except ChainError as error:
            if error.reason is not ChainReason.REVERTED:
                raise
            return str(error)
        return ""

    def _send(self, data: bytes) -> bytes:
        transaction = {"from": to_hex(GROWER.address), "to": to_hex(self.deployment.event_log), "input": to_hex(data)}
        return from_hex(self.anvil.rpc("eth_sendTransaction", transaction | {"gas": hex(500_000)}), 32)


def mine(anvil: Anvil) -> None:
    """The next block, with all that waits for it."""
    anvil.rpc("evm_mine")


@contextmanager
def deployed() -> Iterator[Contracts]:
    """The contracts on an Anvil of their own, with the grower in effect."""
    with running_anvil("--no-mining") as anvil:
        chain = Chain(anvil.url, anvil.chain_id)
        anvil.rpc("anvil_setBalance", to_hex(GROWER.address), hex(10**20))
        anvil.rpc("anvil_impersonateAccount", to_hex(GROWER.address))
        founders = [(GROWER.address, ("9521234500001", "Highland Growers", 1, "", b""))]
        deployment = deploy(chain, GROWER, founders, wait=lambda: mine(anvil), first_nonce=0)
        anvil.rpc("evm_increaseTime", 10)
        mine(anvil)
        yield Contracts(anvil, chain, deployment)
