"""An order as its parties read and sign it: terms, ids, digests, calls, and the arithmetic of what a delivery pays.

Pure. contracts/interfaces/IDeliveryEscrow.sol is the manual, docs/escrow.md the specification. Amounts are integers in
the token's smallest unit, quantities in the smallest unit that the terms document names, accounts and parties 20
bytes, hashes 32. Typed data: https://eips.ethereum.org/EIPS/eip-712.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from eth_abi.abi import encode

from ledger.abi import interface
from ledger.errors import BadTerms
from ledger.record import DOMAIN_TYPE, DOMAIN_VERSION, keccak256

DOMAIN_NAME = "DeliveryEscrow"
ATTESTATION_TYPE = (
    "Attestation(bytes32 order,uint16 milestone,bytes32 delivery,bytes32 recordHash,uint64 happenedAt,"
    "uint128 accepted,uint16 deductionBps)"
)
DIVISION_TYPE = (
    "Division(bytes32 order,uint16 milestone,bytes32 delivery,uint64 itemVersion,uint128 toPayee,uint128 toBuyer,"
    "uint64 deadline)"
)
PERMIT_TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
TERMS_TYPE = (
    "(address,address,address,bytes32,address,uint64,(address,uint16)[],address[],"
    "(uint128,uint128,uint8,uint8,uint64,uint32,uint32,uint32,uint16,uint16,uint16)[])"
)

BPS = 10_000
DAY_S = 86_400
DURATION_S_MAX = 365 * DAY_S
FUND_S_MAX = 365 * DAY_S
DUE_S_MAX = 5 * 365 * DAY_S
SPLITS_MAX, ATTESTORS_MAX, MILESTONES_MAX = 8, 8, 16
AMOUNT_MAX = 2**128 - 1
TIME_MAX = 2**64 - 1
REST = bytes(32)
"""The name of what is left of a milestone, in the place of a delivery's."""
NOBODY = bytes(20)


class State(IntEnum):
    """The life of an order. ENDED: nothing of it is held any more."""

    NONE = 0
    PROPOSED = 1
    ACCEPTED = 2
    FUNDED = 3
    CANCELLED = 4
    ENDED = 5


class Cause(IntEnum):
    """Why money left an item."""

    SETTLED = 0
    RELEASED = 1
    GIVEN_BACK = 2
    DIVIDED = 3
    RULED = 4


# ------------------------------------------------------------------------------------------------------------- terms


@dataclass(frozen=True, slots=True)
class Split:
    """A share of whatever goes to the payee, in basis points, rounded down."""

    party: bytes
    bps: int


@dataclass(frozen=True, slots=True)
class Milestone:
    """One part of an order that is delivered and paid for. Bit i of `attestor_mask` is the order's attestor i."""

    amount: int
    ordered: int
    attestor_mask: int
    threshold: int
    due_at: int
    grace_s: int = 0
    window_s: int = 0
    arbitration_s: int = 0
    late_bps: int = 0
    late_cap_bps: int = 0
    deduction_cap_bps: int = 0

    @property
    def members(self) -> tuple[int, ...]:
        """The struct as the contract's ABI takes it."""
        return (
            self.amount, self.ordered, self.attestor_mask, self.threshold, self.due_at, self.grace_s, self.window_s,
            self.arbitration_s, self.late_bps, self.late_cap_bps, self.deduction_cap_bps,
        )  # fmt: skip

    @property
    def rest_settleable_from(self) -> int:
        """R: the first second in which the rest may be settled, if nobody has disputed it."""
        return self.due_at + self.grace_s + max(self.window_s, DAY_S)


@dataclass(frozen=True, slots=True)
class Terms:
    """All that an order's id stands for. `document` is the SHA-256 of the terms document."""

    buyer: bytes
    seller: bytes
    token: bytes
    document: bytes
    arbiter: bytes
    fund_by: int
    splits: tuple[Split, ...]
    attestors: tuple[bytes, ...]
    milestones: tuple[Milestone, ...]

    @property
    def members(self) -> tuple[object, ...]:
        """The struct as the contract's ABI takes it."""
        return (
            self.buyer, self.seller, self.token, self.document, self.arbiter, self.fund_by,
            [(split.party, split.bps) for split in self.splits], list(self.attestors),
            [milestone.members for milestone in self.milestones],
        )  # fmt: skip

    @property
    def amount(self) -> int:
        """What the buyer funds: the sum of the milestones."""
        return sum(milestone.amount for milestone in self.milestones)

    def attestors_of(self, milestone: int) -> list[bytes]:
        """Who may attest deliveries to that milestone."""
        mask = self.milestones[milestone].attestor_mask
        return [attestor for i, attestor in enumerate(self.attestors) if mask >> i & 1]


def check_terms(terms: Terms, now_at: int) -> None:
    """Returns nothing for terms that the contract takes at `now_at`. Else raises BadTerms with field and reason."""
    for name, size in (("buyer", 20), ("seller", 20), ("token", 20), ("document", 32), ("arbiter", 20)):
        _expect(len(getattr(terms, name)) == size, name, f"has {len(getattr(terms, name))} bytes, not {size}")
    for name in ("buyer", "seller", "token"):
        _expect(any(getattr(terms, name)), name, "is nobody")
    _expect(terms.buyer != terms.seller, "seller", "is the buyer")
    _expect(any(terms.document), "document", "names no terms document")
    _expect(now_at < terms.fund_by, "fund_by", "is in the past")
    _expect(terms.fund_by <= now_at + FUND_S_MAX, "fund_by", "is more than 365 days ahead")
    _check_splits(terms)
    _check_attestors(terms)
    _expect(1 <= len(terms.milestones) <= MILESTONES_MAX, "milestones", f"are not 1 to {MILESTONES_MAX}")
    for index, milestone in enumerate(terms.milestones):
        _check_milestone(terms, milestone, f"milestones[{index}]", now_at)
    _check_arbiter(terms)


def _check_splits(terms: Terms) -> None:
    _expect(len(terms.splits) <= SPLITS_MAX, "splits", f"are more than {SPLITS_MAX}")
    for index, split in enumerate(terms.splits):
        _expect(len(split.party) == 20 and any(split.party), f"splits[{index}].party", "is nobody")
        _expect(1 <= split.bps <= BPS, f"splits[{index}].bps", f"is not 1 to {BPS}")
    _expect(sum(split.bps for split in terms.splits) <= BPS, "splits", f"are more than {BPS} basis points together")


def _check_attestors(terms: Terms) -> None:
    _expect(1 <= len(terms.attestors) <= ATTESTORS_MAX, "attestors", f"are not 1 to {ATTESTORS_MAX}")
    for index, attestor in enumerate(terms.attestors):
        _expect(len(attestor) == 20 and any(attestor), f"attestors[{index}]", "is nobody")
        _expect(attestor not in terms.attestors[:index], f"attestors[{index}]", "stands there twice")


def _check_arbiter(terms: Terms) -> None:
    has_arbitration = any(milestone.arbitration_s for milestone in terms.milestones)
    _expect(any(terms.arbiter) or not has_arbitration, "arbiter", "is nobody, and a milestone has arbitration time")
    _expect(not any(terms.arbiter) or has_arbitration, "arbiter", "has no milestone with arbitration time")
    sides = {terms.buyer: "the buyer", terms.seller: "the seller"}
    sides |= dict.fromkeys(terms.attestors, "an attestor")
    sides |= {split.party: "the receiver of a split" for split in terms.splits}
    _expect(terms.arbiter not in sides, "arbiter", f"is {sides.get(terms.arbiter)}, too")


def _check_milestone(terms: Terms, milestone: Milestone, path: str, now_at: int) -> None:
    _expect(1 <= milestone.amount <= AMOUNT_MAX, f"{path}.amount", "is not 1 to 2^128-1")
    _expect(1 <= milestone.ordered <= AMOUNT_MAX, f"{path}.ordered", "is not 1 to 2^128-1")
    mask, count = milestone.attestor_mask, milestone.attestor_mask.bit_count()
    _expect(mask > 0, f"{path}.attestor_mask", "names no attestor")
    _expect(mask >> len(terms.attestors) == 0, f"{path}.attestor_mask", "names an attestor that the order has not")
    _expect(milestone.threshold <= count, f"{path}.threshold", f"is more than the {count} attestors")
    _expect(2 * milestone.threshold > count, f"{path}.threshold", f"is not more than half of the {count} attestors")
    _expect(now_at < milestone.due_at, f"{path}.due_at", "is in the past")
    _expect(milestone.due_at <= terms.fund_by + DUE_S_MAX, f"{path}.due_at", "is more than 5 years after fund_by")
    for name in ("grace_s", "window_s", "arbitration_s"):
        _expect(0 <= getattr(milestone, name) <= DURATION_S_MAX, f"{path}.{name}", "is not 0 to 365 days")
    for name in ("late_bps", "late_cap_bps", "deduction_cap_bps"):
        _expect(0 <= getattr(milestone, name) <= BPS, f"{path}.{name}", f"is not 0 to {BPS}")


def _expect(condition: bool, field_path: str, reason: str) -> None:
    if not condition:
        raise BadTerms(field_path, reason)


# ------------------------------------------------------------------------------------------------------ ids, digests


@dataclass(frozen=True, slots=True)
class Attestation:
    """What an attestor states of a delivery, on the record of an event."""

    order: bytes
    milestone: int
    delivery: bytes
    record_hash: bytes
    happened_at: int
    accepted: int
    deduction_bps: int = 0

    @property
    def members(self) -> tuple[object, ...]:
        """The struct as the contract's ABI takes it."""
        return (
            self.order, self.milestone, self.delivery, self.record_hash, self.happened_at, self.accepted,
            self.deduction_bps,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """A proof that the attestation's record is anchored: its signature as in the leaf, the way to the root."""

    signature: bytes
    proof: tuple[bytes, ...]
    root: bytes


@dataclass(frozen=True, slots=True)
class Division:
    """A part of an item that buyer and payee divide between them, until `deadline_at`."""

    order: bytes
    milestone: int
    delivery: bytes
    item_version: int
    to_payee: int
    to_buyer: int
    deadline_at: int

    @property
    def members(self) -> tuple[object, ...]:
        """The struct as the contract's ABI takes it."""
        return (
            self.order, self.milestone, self.delivery, self.item_version, self.to_payee, self.to_buyer,
            self.deadline_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EscrowDomain:
    """The EIP-712 domain of one DeliveryEscrow on one chain. A signature made in one is none in any other."""

    chain_id: int
    escrow: bytes
    separator: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        prefix = b"".join(keccak256(text.encode()) for text in (DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION))
        separator = keccak256(prefix + encode(["uint256", "address"], [self.chain_id, self.escrow]))
        object.__setattr__(self, "separator", separator)


def order_id(domain: EscrowDomain, nonce: int, terms: Terms) -> bytes:
    """The order's name on chain, which stands for all its terms; the buyer may choose any uint256 as nonce."""
    types = ["uint256", "address", "address", "uint256", TERMS_TYPE]
    return keccak256(encode(types, [domain.chain_id, domain.escrow, terms.buyer, nonce, terms.members]))


def delivery_id(order: bytes, reference: str, salt: bytes) -> bytes:
    """The name of a delivery, to which all attestors come by themselves: the terms say what the reference is."""
    return keccak256(encode(["bytes32", "bytes32", "bytes32"], [order, keccak256(reference.encode()), salt]))


def attestation_digest(domain: EscrowDomain, attestation: Attestation) -> bytes:
    """What a key that stands for the attestor for use 2 signs."""
    types = ["bytes32", "bytes32", "uint16", "bytes32", "bytes32", "uint64", "uint128", "uint16"]
    struct = encode(types, [keccak256(ATTESTATION_TYPE.encode()), *attestation.members])
    return _digest(domain.separator, struct)


def division_digest(domain: EscrowDomain, division: Division) -> bytes:
    """What one of buyer and payee signs, for the other to submit."""
    types = ["bytes32", "bytes32", "uint16", "bytes32", "uint64", "uint128", "uint128", "uint64"]
    return _digest(domain.separator, encode(types, [keccak256(DIVISION_TYPE.encode()), *division.members]))


def permit_digest(
    separator: bytes, owner: bytes, spender: bytes, amount: int, nonce: int, deadline_at: int
) -> bytes:  # fmt: skip
    """What the owner of tokens signs, so that the spender may take the amount (EIP-2612).

    `separator` is the token's own DOMAIN_SEPARATOR, `nonce` its nonces(owner).
    """
    types = ["bytes32", "address", "address", "uint256", "uint256", "uint256"]
    struct = encode(types, [keccak256(PERMIT_TYPE.encode()), owner, spender, amount, nonce, deadline_at])
    return _digest(separator, struct)


def _digest(separator: bytes, struct: bytes) -> bytes:
    return keccak256(b"\x19\x01" + separator + keccak256(struct))


# ------------------------------------------------------------------------------------------------------------- calls


def propose_call(terms: Terms, nonce: int) -> bytes:
    """Calldata by which the buyer proposes an order."""
    return call("propose", terms.members, nonce)


def attest_call(attestation: Attestation, signature: bytes, evidence: Evidence) -> bytes:
    """Calldata by which anyone submits an attestation; an empty signature where the caller is the attestor."""
    members = (evidence.signature, list(evidence.proof), evidence.root)
    return call("attest", attestation.members, signature, members)


def settle_call(order: bytes, milestone: int, delivery: bytes) -> bytes:
    """Calldata by which anyone settles an item whose time has come."""
    return call("settle", order, milestone, delivery)


def collect_call(token: bytes, creditor: bytes) -> bytes:
    """Calldata by which anyone has a creditor paid."""
    return call("collect", token, creditor)


def divide_call(division: Division, signature: bytes) -> bytes:
    """Calldata by which one of buyer and payee submits what the other has signed."""
    return call("divide", division.members, signature)


def fund_with_permit_call(order: bytes, deadline_at: int, permit_signature: bytes) -> bytes:
    """Calldata by which the buyer funds an order with a permit (65 bytes r, s, v) for its whole amount."""
    r, s, v = permit_signature[:32], permit_signature[32:64], permit_signature[64]
    return call("fundWithPermit", order, deadline_at, v, r, s)


def multicall(calls: Sequence[bytes]) -> bytes:
    """Calldata of several calls in one transaction, all or none; of one call, that call."""
    return calls[0] if len(calls) == 1 else call("multicall", list(calls))


def call(function: str, *arguments: object) -> bytes:
    """Calldata of any of DeliveryEscrow's functions. Structs are sequences of their members."""
    return interface("DeliveryEscrow").call(function, *arguments)


# -------------------------------------------------------------------------------------------------------- arithmetic


def late_days(due_at: int, happened_at: int) -> int:
    """0 until due, else the days begun since."""
    return max(0, -(-(happened_at - due_at) // DAY_S))


def reduction_bps(milestone: Milestone, happened_at: int, deduction_bps: int) -> int:
    """What a delivery loses, in basis points of its gross.

    `happened_at` is the earliest that the attestors who agreed have stated.
    """
    late_bps = min(milestone.late_cap_bps, late_days(milestone.due_at, happened_at) * milestone.late_bps)
    return min(BPS, late_bps + min(deduction_bps, milestone.deduction_cap_bps))


def gross(milestone: Milestone, accepted_total: int, taken: int, rest_held: int) -> int:
    """What leaves the rest for a delivery: `accepted_total` includes it, `taken` is what earlier ones took."""
    earned = milestone.amount * min(accepted_total, milestone.ordered) // milestone.ordered
    return min(rest_held, max(0, earned - taken))


def settle_shares(held: int, reduction: int) -> tuple[int, int]:
    """(to the payee and the splits, to the buyer) when an item is settled."""
    to_payee = held * (BPS - reduction) // BPS
    return to_payee, held - to_payee


def split_shares(amount: int, splits: Sequence[Split]) -> tuple[int, list[int]]:
    """(to the payee itself, to each split) of what goes to the payee."""
    shares = [amount * split.bps // BPS for split in splits]
    return amount - sum(shares), shares
