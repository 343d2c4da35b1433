"""The demo's consortium: its keys, its contracts, its members and their devices. Every step finds what is done already.

So a founding that was cut short at any point is taken up again by running it again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from sqlalchemy.engine import Engine

from api.keyring import NODE_KEY, PASSWORD_FILE
from api.keys import create_api_key
from ledger.abi import Interface, interface
from ledger.blockjournal import sync_folder
from ledger.chain import Call, Chain
from ledger.deployment import Deployment, deploy
from ledger.devnet import Devnet
from ledger.errors import ChainError, ChainReason
from ledger.keystore import LocalSigner, create_key, list_keys, open_key
from ledger.record import keccak256
from ledger.transaction import Transaction, sign, transaction_hash
from scripts.scenario import ADMITTED, FOUNDERS, PARTIES, PURSES, Party

LIGHT_SCRYPT_N = 2**12
"""The password lies beside the keys here, so a costly scrypt would protect nothing."""
RECORD, ANCHOR = 1, 4
FOREVER = 2**64 - 1
ROLES = ("supplier", "manufacturer", "carrier", "retailer", "inspector", "financier", "auditor", "operator")
_REGISTRY, _TOKEN = interface("PartyRegistry"), interface("SettlementToken")
_PROFILE = "(string,string,uint32,string,bytes)"
_NOBODY = bytes(20)


def make_keys(folder: Path) -> dict[str, LocalSigner]:
    """Every key of the demo by the name of its file: parties, devices, the node. Missing ones are drawn."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = _password(folder / PASSWORD_FILE)
    names = [NODE_KEY, *(party.slug for party in PARTIES), *(party.device for party in PARTIES if party.device)]
    present = {file.name for file in list_keys(folder)}
    return {
        name: open_key(folder, name, password)
        if name in present
        else create_key(folder, name, password, scrypt_n=LIGHT_SCRYPT_N)
        for name in names
    }


def make_api_keys(engine: Engine, file: Path, keys: dict[str, LocalSigner], now_us: int) -> dict[str, str]:
    """One API key a party, by legal name: those in `file`, or new ones that are put there."""
    if file.exists():
        known: dict[str, str] = json.loads(file.read_bytes())
        return known
    made = {
        party.name: create_api_key(engine, keys[party.slug].address, "demo", now_us, secrets.token_bytes)
        for party in PARTIES
    }
    write_private(file, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return made


@dataclass(frozen=True)
class Founding:
    """The devnet on which it happens, and everybody's keys by file name."""

    devnet: Devnet
    chain: Chain
    keys: dict[str, LocalSigner]

    def run(self) -> Deployment:
        """Deploys, authorises devices, admits the member that comes later, hands out play money.

        Raises ChainError, DevnetError.
        """
        founders = [(self.keys[party.slug].address, profile(party)) for party in FOUNDERS]
        deployment = deploy(
            self.chain,
            self.devnet.deployer,
            founders,
            wait=self._mine,
            first_nonce=0,
            with_escrow=True,
            with_token=True,
        )
        registry = deployment.party_registry
        self._mine()
        operator = next(party for party in FOUNDERS if "operator" in party.roles)
        self._authorise(deployment, operator, NODE_KEY, ANCHOR)
        self._admit(deployment, ADMITTED)
        for party in PARTIES:
            if party.device:
                self._authorise(deployment, party, party.device, RECORD)
        (token,) = deployment.require_escrow().tokens
        for party, cents in PURSES.items():
            self._fill(token, party, cents)
        self._mine()
        for party in PARTIES:
            self._expect_standing(registry, party)
        return deployment

    def _authorise(self, deployment: Deployment, party: Party, key: str, uses: int) -> None:
        registry, controller, signer = deployment.party_registry, self.keys[party.slug], self.keys[key]
        (known,) = self._ask(registry, "signerOf", signer.address)
        if known["party"] != _NOBODY:
            return
        terms = (signer.address, uses, 0, FOREVER)
        (digest,) = self._ask(registry, "consentDigest", controller.address, *terms)
        self._send(controller, registry, "authorise", *terms, signer.sign(digest))

    def _admit(self, deployment: Deployment, candidate: Party) -> None:
        """Proposal and votes, until more than half of the founders are for it."""
        registry, account = deployment.party_registry, self.keys[candidate.slug].address
        if self._ask(registry, "statusOf", account) != (0,):
            return
        proposer, *voters = (self.keys[party.slug] for party in FOUNDERS)
        proposal = _proposal_id(account, encode([_PROFILE], [profile(candidate)]), nonce=0)
        if not self._ask(registry, "proposalOf", proposal)[0]["votes"]:
            (digest,) = self._ask(registry, "admissionDigest", account, profile(candidate))
            admission = self.keys[candidate.slug].sign(digest)
            self._send(proposer, registry, "proposeAdmission", account, profile(candidate), admission, 0)
        for voter in voters[: len(FOUNDERS) // 2]:
            if self._ask(registry, "hasVoted", proposal, voter.address) == (False,):
                self._send(voter, registry, "vote", proposal)
        self._mine()

    def _fill(self, token: bytes, party: Party, cents: int) -> None:
        """What the party has before the story begins: nobody has spent anything yet."""
        if self._ask(token, "balanceOf", self.keys[party.slug].address, face=_TOKEN) == (0,):
            self._send(self.devnet.deployer, token, "mint", self.keys[party.slug].address, cents, face=_TOKEN)

    def _expect_standing(self, registry: bytes, party: Party) -> None:
        signer, account = self.keys[party.device or party.slug].address, self.keys[party.slug].address
        stands_for, _ = self._ask(registry, "standingOf", signer, RECORD, self.devnet.head_at, 0)
        if stands_for != account:
            raise ChainError(ChainReason.BAD_ANSWER, f"the key of {party.name} does not stand: remove the data folder")

    def _mine(self) -> None:
        # A second later each: what a block changes holds from the next second on.
        self.devnet.mine_at(self.devnet.head_at + 1)

    def _ask(self, to: bytes, function: str, *arguments: Any, face: Interface = _REGISTRY) -> tuple[Any, ...]:
        call = Call(to, face.call(function, *arguments))
        (answer,) = self.chain.call([call], self.devnet.head_number)
        return face.answer(function, answer)

    def _send(
        self, signer: LocalSigner, to: bytes, function: str, *arguments: Any, face: Interface = _REGISTRY
    ) -> None:
        """One transaction in a block of its own. Raises ChainError where the contract refuses it."""
        data = face.call(function, *arguments)
        prepared = self.chain.prepare(signer.address, to, data)
        raw = sign(
            Transaction(
                chain_id=self.chain.chain_id, nonce=prepared.sender_count, to=to, data=data, gas=2 * prepared.gas,
                tip_wei=prepared.fees.tip_wei, max_fee_wei=prepared.fees.max_fee_wei,
            ),
            signer,
        )  # fmt: skip
        self.chain.send(raw)
        self._mine()
        (receipt,) = self.chain.receipts([transaction_hash(raw)])
        if receipt is None or not receipt.is_success:
            raise ChainError(ChainReason.REVERTED, f"{function} was refused when it was mined")


def profile(party: Party) -> tuple[str, str, int, str, bytes]:
    """What PartyRegistry keeps of a party: GLN, name, roles, endpoint, encryption key."""
    return party.gln, party.name, role_bits(party.roles), "", b""


def role_bits(roles: Iterable[str]) -> int:
    """The registry's bit set of these roles."""
    return sum(1 << ROLES.index(role) for role in roles)


def write_private(path: Path, text: str) -> None:
    """The file appears whole or not at all, in the place of an earlier one, and survives a power cut. Mode 0600."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def _password(path: Path) -> str:
    """The password of the demo's key files, drawn at the first start."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24) + "\n")
    return path.read_text().removesuffix("\n")


def _proposal_id(candidate: bytes, content: bytes, nonce: int) -> bytes:
    """keccak256(abi.encode(kind, party, content, nonce)), kind 0 for an admission (IPartyRegistry, votes)."""
    return keccak256(encode(["uint8", "address", "bytes", "uint256"], [0, candidate, content, nonce]))
