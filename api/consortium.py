"""The consortium as this node has read it, and the names by which people call a party."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from api.node import Node
from api.recording import now_us
from ledger import follower
from ledger.answers import Use
from ledger.consortium import FOREVER, Party, Proposal, Registry, Role, SignerEntry
from ledger.database import reading
from ledger.errors import BadChecksum, ChainError, InvalidHex, UnknownParty
from ledger.hexadecimal import address_from_text, to_address, to_hex
from ledger.standing import LocalAnswers, registry_of


def registry_at_final_block(node: Node) -> tuple[Registry, int]:
    """The consortium at the newest final block, and that block's time in seconds.

    Raises ChainError(unreachable) before the chain was first read.
    """
    with reading(node.engine) as session:
        answers = LocalAnswers.of(session)
        return registry_of(session, answers.block_number), answers.now_at


def catch_up(node: Node) -> None:
    """Reads what is new on the chain, as the worker does. Raises ChainError, WrongDeployment."""
    is_behind = True
    while is_behind:
        progress = follower.step(node.engine, node.chain, node.deployment, node.settings.anchoring, now_us())
        is_behind = progress.is_waiting and progress.done > 0


def current_registry(node: Node) -> tuple[Registry, int]:
    """The consortium with what is new on the chain, where that answers; else as this node knows it.

    Raises ChainError where it knows nothing yet.
    """
    try:
        catch_up(node)
    except ChainError as error:
        if not error.is_retryable:
            raise
    return registry_at_final_block(node)


def party_named(node: Node, registry: Registry, name: str) -> bytes:
    """The party (20 bytes) of that key file name, account, GLN or legal name. Raises UnknownParty."""
    for account in _accounts_called(node, name):
        if account in registry.parties:
            return account
        if account in registry.signers:
            return registry.signers[account].party
    by_gln = registry.party_of_gln(name)
    if by_gln is not None:
        return by_gln
    wanted = name.casefold()
    found = next((party for party in registry.parties.values() if party.profile.name.casefold() == wanted), None)
    if found is None:
        raise UnknownParty(name)
    return found.account


def account_named(node: Node, name: str) -> bytes:
    """The account that a key file of that name holds, or that the text is. Raises UnknownParty."""
    account = next(_accounts_called(node, name), None)
    if account is None:
        raise UnknownParty(name)
    return account


def legal_name(registry: Registry, party: bytes) -> str | None:
    """What the registry calls the party; None where it knows none, or none that can be read."""
    known = registry.parties.get(party)
    return known.profile.name or None if known else None


def uses_words(uses: int) -> list[str]:
    """The uses in a sum of them: record, attest, anchor, withdraw."""
    return [use.name.lower() for use in Use if uses & use]


def party_json(registry: Registry, party: Party, at: int) -> dict[str, Any]:
    """A party as GET /parties and `tally party show` give it out; its keys as of that block time."""
    profile = party.profile
    controller = registry.controller_of(party.account, at)
    return {
        "account": to_address(party.account),
        "name": profile.name,
        "gln": profile.gln,
        "roles": [role.name.lower() for role in Role if role.name and profile.roles & role],
        "status": party.status_at(at).value,
        "endpoint": profile.endpoint or None,
        "encryptionKey": to_hex(profile.encryption_key) if profile.encryption_key else None,
        "controller": to_address(controller) if controller else None,
        "signers": [
            signer_json(account, signer)
            for account, signer in registry.signers.items()
            if signer.party == party.account
        ],
    }


def signer_json(account: bytes, signer: SignerEntry) -> dict[str, Any]:
    """A key of a party. `until` is null for one that ends only when it is revoked."""
    return {
        "address": to_address(account),
        "party": to_address(signer.party),
        "uses": uses_words(signer.uses),
        "from": date_time(signer.from_at),
        "until": None if signer.until_at == FOREVER else date_time(signer.until_at),
        "firstDisowned": signer.first_disowned,
    }


def proposal_json(registry: Registry, proposal: Proposal) -> dict[str, Any]:
    """A proposal and how the vote stands."""
    votes, needed = registry.votes_of(proposal)
    return {
        "id": to_hex(proposal.id),
        "kind": proposal.kind.name.lower(),
        "party": to_address(proposal.party),
        "content": _content_words(proposal),
        "proposer": to_address(proposal.proposer),
        "votes": votes,
        "needed": needed,
        "expiresAt": date_time(proposal.expires_at),
        "passed": proposal.is_passed,
    }


def date_time(at: int) -> str:
    """Seconds since 1970 as people read them. Beyond the year 9999 as `never`."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "never"


def open_proposals(registry: Registry, at: int) -> list[Proposal]:
    """Those that can still be voted for at that block time."""
    return [each for each in registry.proposals.values() if not each.is_passed and each.expires_at > at]


def _accounts_called(node: Node, name: str) -> Iterator[bytes]:
    yield from (file.address for file in node.keyring.files() if file.name == name)
    try:
        yield address_from_text(name)
    except (InvalidHex, BadChecksum):
        if name.startswith("0x"):
            raise


def _content_words(proposal: Proposal) -> str | None:
    try:
        content = proposal.decoded()
    except ValueError:
        return to_hex(proposal.content)
    if content is None:
        return None
    if isinstance(content, tuple):
        return f"{to_address(content[0])} -> {to_address(content[1])}"
    if isinstance(content, int):
        return ", ".join(role.name.lower() for role in Role if role.name and content & role)
    return content if isinstance(content, str) else f"{content.name}, GLN {content.gln}"
