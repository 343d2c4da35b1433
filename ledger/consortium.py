"""Who is who: the registry's logs replayed into the very answers that PartyRegistry gives, and what its members sign.

Pure. Accounts are 20 bytes, times are block times in seconds. contracts/interfaces/IPartyRegistry.sol is the manual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag, StrEnum
from typing import Any, Protocol

from eth_abi.abi import decode, encode

from ledger.abi import interface
from ledger.answers import Standing
from ledger.record import DOMAIN_TYPE, DOMAIN_VERSION, keccak256

DOMAIN_NAME = "PartyRegistry"
CONSENT_TYPE = "Consent(address party,address signer,uint8 uses,uint64 from,uint64 until)"
ADMISSION_TYPE = "Admission(address party,bytes32 profileHash)"

USES_ALL = 15
FOREVER = 2**64 - 1
"""`until` of a key that ends only when it is revoked, and of every controller."""

_PROFILE_TYPE = "(string,string,uint32,string,bytes)"
_CHANGE_TYPE = "(address,address,uint64)"


class PartyStatus(StrEnum):
    """Where a party stands. REMOVED and LEFT are final. NONE: not yet a party."""

    NONE = "none"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"
    LEFT = "left"


class Role(IntFlag):
    """What a party does in the trade. No contract looks at it."""

    SUPPLIER = 1
    MANUFACTURER = 2
    CARRIER = 4
    RETAILER = 8
    INSPECTOR = 16
    FINANCIER = 32
    AUDITOR = 64
    OPERATOR = 128


class ProposalKind(IntEnum):
    """What members vote on."""

    ADMIT = 0
    SUSPEND = 1
    REINSTATE = 2
    REMOVE = 3
    CHANGE_GLN = 4
    CHANGE_NAME = 5
    CHANGE_ROLES = 6
    REPLACE_CONTROLLER = 7


@dataclass(frozen=True, slots=True)
class Profile:
    """What a party says of itself."""

    gln: str
    name: str
    roles: int
    endpoint: str = ""
    encryption_key: bytes = b""

    @property
    def members(self) -> tuple[str, str, int, str, bytes]:
        """The struct as the contract's ABI takes it."""
        return self.gln, self.name, self.roles, self.endpoint, self.encryption_key


@dataclass(frozen=True, slots=True)
class SignerEntry:
    """What an address stands for: the party, for `uses` (a sum of ledger.answers.Use), at t if from_at <= t < until_at.

    `first_disowned` is None until the key is revoked, or replaced as a controller.
    """

    party: bytes
    uses: int
    from_at: int
    until_at: int
    first_disowned: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A voted replacement of a controller: executable by anyone at t if executable_from_at <= t < lapses_at."""

    former: bytes
    next: bytes
    first_disowned: int
    executable_from_at: int
    lapses_at: int


@dataclass(slots=True)
class Party:
    """A party by its permanent name. `controller` is the newest one; `controller_of` says who it is at a time."""

    account: bytes
    profile: Profile
    controller: bytes
    former_controller: bytes | None = None
    notice: Notice | None = None
    statuses: list[tuple[int, PartyStatus]] = field(default_factory=list)
    """(time from which it holds, status), ascending."""

    @property
    def status(self) -> PartyStatus:
        """The newest status; it holds from one second after its block at the latest."""
        return self.statuses[-1][1] if self.statuses else PartyStatus.NONE

    @property
    def is_present(self) -> bool:
        """True while it is a member, active or suspended."""
        return self.status in (PartyStatus.ACTIVE, PartyStatus.SUSPENDED)

    def status_at(self, at: int) -> PartyStatus:
        """The status at that time."""
        # From the newest on: questions are about now, or nearly.
        return next((status for from_at, status in reversed(self.statuses) if from_at <= at), PartyStatus.NONE)

    def notice_at(self, at: int) -> Notice | None:
        """The replacement that is pending at that time, which is not before the newest log's."""
        return self.notice if self.notice is not None and at < self.notice.lapses_at else None


@dataclass(slots=True)
class Proposal:
    """A proposal and its votes. `content` is the contract's encoding; `decoded` reads it."""

    id: bytes
    kind: ProposalKind
    party: bytes
    content: bytes
    nonce: int
    proposer: bytes
    expires_at: int
    voters: set[bytes] = field(default_factory=set)
    is_passed: bool = False

    def decoded(self) -> Profile | str | int | tuple[bytes, bytes, int] | None:
        """The wanted profile, GLN, name or roles, or (former, next, first disowned number); None where there is none.

        Raises ValueError where a text in it is not UTF-8: the contract does not look.
        """
        if self.kind is ProposalKind.ADMIT:
            return Profile(*decode([_PROFILE_TYPE], self.content)[0])
        if self.kind in (ProposalKind.CHANGE_GLN, ProposalKind.CHANGE_NAME):
            return str(decode(["string"], self.content)[0])
        if self.kind is ProposalKind.CHANGE_ROLES:
            return int(decode(["uint32"], self.content)[0])
        if self.kind is ProposalKind.REPLACE_CONTROLLER:
            former, following, first_disowned = decode([_CHANGE_TYPE], self.content)[0]
            return bytes.fromhex(former[2:]), bytes.fromhex(following[2:]), first_disowned
        return None


class RegistryLog(Protocol):
    """One log of PartyRegistry: its name, and its arguments as `ledger.abi` reads them. They carry their times."""

    @property
    def name(self) -> str:
        """The event's name."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The event's arguments by name."""


class Registry:
    """The consortium after the last log that was replayed. Made by `replay`; read only from then on."""

    def __init__(self) -> None:
        self.parties: dict[bytes, Party] = {}
        self.signers: dict[bytes, SignerEntry] = {}
        self.proposals: dict[bytes, Proposal] = {}
        self.approved: set[tuple[bytes, bytes]] = set()

    def standing_of(self, signer: bytes, use: int, at: int, sequence: int) -> Standing:
        """Whom the signer stood for at that time, as PartyRegistry.standingOf says.

        Assumes that `at` is not later than the newest block whose logs were replayed: the contract reverts there.
        """
        entry = self.signers.get(signer)
        if entry is None or use == 0 or entry.uses & use != use or not entry.from_at <= at < entry.until_at:
            return Standing(None, disowned=False)
        if self.parties[entry.party].status_at(at) is not PartyStatus.ACTIVE:
            return Standing(None, disowned=False)
        return Standing(entry.party, disowned=entry.first_disowned is not None and sequence >= entry.first_disowned)

    def controller_of(self, party: bytes, at: int) -> bytes | None:
        """The account that acts for the party at `at`, which is not before the newest log's time; None: nobody yet."""
        known = self.parties.get(party)
        if known is None:
            return None
        return known.controller if at >= self.signers[known.controller].from_at else known.former_controller

    def party_of_controller(self, account: bytes, at: int) -> bytes | None:
        """The party that the account acts for at `at`, which is not before the newest log's time."""
        entry = self.signers.get(account)
        is_controller = entry is not None and self.controller_of(entry.party, at) == account
        return entry.party if entry is not None and is_controller else None

    def party_of_gln(self, gln: str) -> bytes | None:
        """The present party that has the GLN."""
        return next((party.account for party in self.members() if party.profile.gln == gln), None)

    def members(self) -> list[Party]:
        """The present parties in the order in which they came."""
        return [party for party in self.parties.values() if party.is_present]

    def active_count(self) -> int:
        """How many members are active one second after the newest log."""
        return sum(party.status is PartyStatus.ACTIVE for party in self.parties.values())

    def votes_of(self, proposal: Proposal) -> tuple[int, int]:
        """(votes that count now, votes needed to pass): those of active members, and more than half of these."""
        counting = sum(self.parties[voter].status is PartyStatus.ACTIVE for voter in proposal.voters)
        return counting, self.active_count() // 2 + 1


def replay(logs: Iterable[RegistryLog]) -> Registry:
    """The consortium as these logs make it: all logs of PartyRegistry from its deployment on, in chain order."""
    registry = Registry()
    for log in logs:
        APPLY[log.name](registry, log.arguments)
    return registry


# ------------------------------------------------------------------------------------------------- one log at a time


def _admitted(registry: Registry, arguments: Mapping[str, Any]) -> None:
    profile = arguments["profile"]
    _party(registry, arguments["party"]).profile = Profile(
        profile["gln"], profile["name"], profile["roles"], profile["endpoint"], profile["encryptionKey"]
    )


def _party(registry: Registry, account: bytes) -> Party:
    """The party, made where it is new.

    An admission whose name is no UTF-8 can't be read as a log, but the party stands all the same: what says so comes
    with the logs of its signer and its status.
    """
    return registry.parties.setdefault(account, Party(account, Profile("", "", 0), controller=account))


def _status_changed(registry: Registry, arguments: Mapping[str, Any]) -> None:
    party, status = _party(registry, arguments["party"]), list(PartyStatus)[arguments["status"]]
    if party.statuses and party.statuses[-1][0] == arguments["from"]:
        # Twice in one second: the first one never held.
        party.statuses.pop()
    party.statuses.append((arguments["from"], status))
    if not party.is_present:
        party.notice = None


def _profile_changed(member: str, argument: str) -> Callable[[Registry, Mapping[str, Any]], None]:
    def apply(registry: Registry, arguments: Mapping[str, Any]) -> None:
        party = _party(registry, arguments["party"])
        party.profile = replace(party.profile, **{member: arguments[argument]})

    return apply


def _signer_authorised(registry: Registry, arguments: Mapping[str, Any]) -> None:
    party = _party(registry, arguments["party"])
    registry.signers[arguments["signer"]] = SignerEntry(
        party.account, arguments["uses"], arguments["from"], arguments["until"]
    )


def _signer_revoked(registry: Registry, arguments: Mapping[str, Any]) -> None:
    _end(registry, arguments["signer"], arguments["until"], arguments["firstDisowned"])


def _controller_replaced(registry: Registry, arguments: Mapping[str, Any]) -> None:
    party = _party(registry, arguments["party"])
    party.former_controller, party.controller, party.notice = arguments["former"], arguments["next"], None
    _end(registry, arguments["former"], arguments["from"], arguments["firstDisowned"])


def _end(registry: Registry, signer: bytes, until_at: int, first_disowned: int) -> None:
    entry = registry.signers[signer]
    registry.signers[signer] = replace(entry, until_at=until_at, first_disowned=first_disowned)


def _notified(registry: Registry, arguments: Mapping[str, Any]) -> None:
    _party(registry, arguments["party"]).notice = Notice(
        arguments["former"], arguments["next"], arguments["firstDisowned"],
        arguments["executableFrom"], arguments["lapsesAt"],
    )  # fmt: skip


def _objected(registry: Registry, arguments: Mapping[str, Any]) -> None:
    _party(registry, arguments["party"]).notice = None


def _proposed(registry: Registry, arguments: Mapping[str, Any]) -> None:
    registry.proposals[arguments["id"]] = Proposal(
        arguments["id"], ProposalKind(arguments["kind"]), arguments["party"], arguments["content"], arguments["nonce"],
        arguments["proposer"], arguments["expiresAt"],
    )  # fmt: skip


def _voted(registry: Registry, arguments: Mapping[str, Any]) -> None:
    registry.proposals[arguments["id"]].voters.add(arguments["member"])


def _passed(registry: Registry, arguments: Mapping[str, Any]) -> None:
    registry.proposals[arguments["id"]].is_passed = True


def _approved(registry: Registry, arguments: Mapping[str, Any]) -> None:
    registry.approved.add((arguments["account"], arguments["digest"]))


def _nothing(_registry: Registry, _arguments: Mapping[str, Any]) -> None:
    """EIP712DomainChanged (EIP-5267) is never emitted: the domain is fixed."""


APPLY: dict[str, Callable[[Registry, Mapping[str, Any]], None]] = {
    "PartyAdmitted": _admitted,
    "StatusChanged": _status_changed,
    "GlnChanged": _profile_changed("gln", "gln"),
    "NameChanged": _profile_changed("name", "name"),
    "RolesChanged": _profile_changed("roles", "roles"),
    "EndpointChanged": _profile_changed("endpoint", "endpoint"),
    "EncryptionKeyChanged": _profile_changed("encryption_key", "encryptionKey"),
    "SignerAuthorised": _signer_authorised,
    "SignerRevoked": _signer_revoked,
    "ControllerReplaced": _controller_replaced,
    "ReplacementNotified": _notified,
    "ReplacementObjected": _objected,
    "Proposed": _proposed,
    "Voted": _voted,
    "Passed": _passed,
    "Approved": _approved,
    "EIP712DomainChanged": _nothing,
}


# -------------------------------------------------------------------------------------- what members sign and send


@dataclass(frozen=True, slots=True)
class RegistryDomain:
    """The EIP-712 domain of one PartyRegistry on one chain."""

    chain_id: int
    party_registry: bytes

    def digest(self, struct: bytes) -> bytes:
        """The EIP-712 digest of an encoded struct (its type's hash and its members)."""
        prefix = b"".join(keccak256(text.encode()) for text in (DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION))
        separator = keccak256(prefix + encode(["uint256", "address"], [self.chain_id, self.party_registry]))
        return keccak256(b"\x19\x01" + separator + keccak256(struct))


def consent_digest(
    domain: RegistryDomain, party: bytes, signer: bytes, uses: int, from_at: int, until_at: int
) -> bytes:
    """What a signer signs to stand for a party, with the very values that `authorise` is given (`from_at` 0 stays 0).

    A new controller consents with USES_ALL, 0 and FOREVER.
    """
    types = ["bytes32", "address", "address", "uint8", "uint64", "uint64"]
    return domain.digest(encode(types, [keccak256(CONSENT_TYPE.encode()), party, signer, uses, from_at, until_at]))


def admission_digest(domain: RegistryDomain, party: bytes, profile: Profile) -> bytes:
    """What a candidate signs to be admitted with that profile."""
    profile_hash = keccak256(encode([_PROFILE_TYPE], [profile.members]))
    types = ["bytes32", "address", "bytes32"]
    return domain.digest(encode(types, [keccak256(ADMISSION_TYPE.encode()), party, profile_hash]))


def proposal_id(kind: ProposalKind, party: bytes, content: bytes, nonce: int) -> bytes:
    """The hash of content and nonce by which a proposal is voted for."""
    return keccak256(encode(["uint8", "address", "bytes", "uint256"], [kind, party, content, nonce]))


def call(function: str, *arguments: object) -> bytes:
    """The calldata of one of PartyRegistry's functions. Structs are sequences: `Profile.members`, (former, next, n)."""
    return interface("PartyRegistry").call(function, *arguments)
