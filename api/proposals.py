"""What members may decide, as calldata for the registry; and a candidate's signed application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from eth_abi.abi import encode

from api.consortium import account_named
from api.errors import BadArgument, NoSigningKey
from api.node import Node
from ledger.consortium import (
    FOREVER,
    USES_ALL,
    Profile,
    ProposalKind,
    Registry,
    RegistryDomain,
    Role,
    admission_digest,
    call,
    consent_digest,
    proposal_id,
)
from ledger.deployment import Deployment
from ledger.errors import BadChecksum, InvalidHex
from ledger.hexadecimal import address_from_text, from_hex, to_address, to_hex
from ledger.keystore import Signer

FORMAT = "tallystick-application/1"


class Kind(StrEnum):
    """What can be proposed."""

    ADMIT = "admit"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    REMOVE = "remove"
    GLN = "gln"
    NAME = "name"
    ROLES = "roles"
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class ProposalCall:
    """A proposal's id, and the calldata that makes it."""

    id: bytes
    calldata: bytes


@dataclass(frozen=True, slots=True)
class Application:
    """A candidate's application: account, profile, and its signature over both (IPartyRegistry, Admission)."""

    account: bytes
    profile: Profile
    admission: bytes

    def to_json(self) -> dict[str, Any]:
        """The application as a file that is sent to a member."""
        return {
            "format": FORMAT,
            "account": to_address(self.account),
            "gln": self.profile.gln,
            "name": self.profile.name,
            "roles": self.profile.roles,
            "endpoint": self.profile.endpoint,
            "encryptionKey": to_hex(self.profile.encryption_key),
            "admission": to_hex(self.admission),
        }

    @staticmethod
    def from_json(data: bytes) -> Application:
        """Inverse of `to_json`. Raises BadArgument where it is none."""
        try:
            values = orjson.loads(data)
            if values["format"] != FORMAT:
                raise ValueError(FORMAT)
            key = bytes.fromhex(values["encryptionKey"].removeprefix("0x"))
            texts = (str(values["gln"]), str(values["name"]))
            profile = Profile(*texts, int(values["roles"]), str(values["endpoint"]), key)
            return Application(address_from_text(values["account"]), profile, from_hex(values["admission"], 65))
        except (ValueError, KeyError, TypeError, AttributeError, InvalidHex, BadChecksum) as error:
            raise BadArgument("the file is no application: `tally party apply` writes one") from error


def registry_domain(deployment: Deployment) -> RegistryDomain:
    """The EIP-712 domain in which members and candidates sign."""
    return RegistryDomain(deployment.chain_id, deployment.party_registry)


def application_of(
    deployment: Deployment, signer: Signer, name: str, gln: str, roles: int, endpoint: str
) -> Application:
    """The application of the account that `signer` signs for."""
    profile = Profile(gln, name, roles, endpoint)
    digest = admission_digest(registry_domain(deployment), signer.address, profile)
    return Application(signer.address, profile, signer.sign(digest))


def proposal_of(
    node: Node,
    registry: Registry,
    kind: Kind,
    target: bytes | Application,
    value: str | None,
    first_disowned: int | None,
    nonce: int,
) -> ProposalCall:
    """The proposal of that kind about a party (or an application). Raises BadArgument where it lacks what it needs."""
    if isinstance(target, Application):
        content = encode(["(string,string,uint32,string,bytes)"], [target.profile.members])
        data = call("proposeAdmission", target.account, target.profile.members, target.admission, nonce)
        return ProposalCall(proposal_id(ProposalKind.ADMIT, target.account, content, nonce), data)
    if kind is Kind.CONTROLLER:
        return _replacement(node, registry, target, _needed(kind, value), first_disowned, nonce)
    if kind in _PLAIN:
        number, function = _PLAIN[kind]
        return ProposalCall(proposal_id(number, target, b"", nonce), call(function, target, nonce))
    number, function, solidity_type, read = _CHANGES[kind]
    wanted = read(_needed(kind, value))
    content = encode([solidity_type], [wanted])
    return ProposalCall(proposal_id(number, target, content, nonce), call(function, target, wanted, nonce))


def roles_of(names: str) -> int:
    """The bit set of roles named with commas between. Raises BadArgument."""
    roles = Role(0)
    for name in filter(None, names.split(",")):
        try:
            roles |= Role[name.strip().upper()]
        except KeyError:
            known = ", ".join(role.name.lower() for role in Role if role.name)
            raise BadArgument(f"no role {name.strip()!r}; there are: {known}") from None
    return int(roles)


_PLAIN = {
    Kind.SUSPEND: (ProposalKind.SUSPEND, "proposeSuspension"),
    Kind.REINSTATE: (ProposalKind.REINSTATE, "proposeReinstatement"),
    Kind.REMOVE: (ProposalKind.REMOVE, "proposeRemoval"),
}
_CHANGES: dict[Kind, tuple[ProposalKind, str, str, Callable[[str], str | int]]] = {
    Kind.GLN: (ProposalKind.CHANGE_GLN, "proposeGln", "string", str),
    Kind.NAME: (ProposalKind.CHANGE_NAME, "proposeName", "string", str),
    Kind.ROLES: (ProposalKind.CHANGE_ROLES, "proposeRoles", "uint32", roles_of),
}


def _needed(kind: Kind, value: str | None) -> str:
    if not value:
        raise BadArgument(f"`propose {kind.value}` needs the new value after the party")
    return value


def _replacement(
    node: Node, registry: Registry, party: bytes, key: str, first_disowned: int | None, nonce: int
) -> ProposalCall:
    """A new controller, whose key is on this node and consents."""
    if first_disowned is None:
        raise BadArgument(
            "say with --first-disowned from which number on the lost key's records are not the party's own"
        )
    following = node.keyring.signer_of(account_named(node, key))
    if following is None:
        raise NoSigningKey(to_address(party))
    consent = following.sign(
        consent_digest(registry_domain(node.deployment), party, following.address, USES_ALL, 0, FOREVER)
    )
    change = (registry.parties[party].controller, following.address, first_disowned)
    content = encode(["(address,address,uint64)"], [change])
    data = call("proposeReplacement", party, change, consent, nonce)
    return ProposalCall(proposal_id(ProposalKind.REPLACE_CONTROLLER, party, content, nonce), data)
