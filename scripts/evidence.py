"""Signed evidence from fixed keys and plain values: what tests, the bench and tests/vectors are made of.

Everything here is reproducible: keys and disclosure roots are hashes of names, so that the same story gives the same
bytes on every machine. Such keys protect nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.answers import Standing, StandingQuestion
from ledger.hexadecimal import to_hex
from ledger.keystore import LocalSigner
from ledger.merkle import Tree, leaf
from ledger.record import Domain, Record, keccak256, record_hash
from traceability.bundle import Anchor, Bundle, BundleRecord
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash
from traceability.verification import Trusted

CONTEXT: list[Any] = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
TRUSTED = Trusted(
    chain_id=9_520_017,
    event_log=bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3"),
    party_registry=bytes.fromhex("e7f1725e7734ce288f8367e1bb143e90bb3f0512"),
)
DOMAIN = Domain(TRUSTED.chain_id, TRUSTED.event_log)


def key(name: str) -> LocalSigner:
    """The key of a character: the hash of its name."""
    return LocalSigner(keccak256(f"tallystick vectors, key of the {name}".encode()))


def seal(signer: LocalSigner, party: bytes, sequence: int, context: list[Any], event: dict[str, Any]) -> BundleRecord:
    """The event as a record of `party`, signed, not anchored yet."""
    content = content_hash(context, event)
    disclosure_root = keccak256(b"tallystick vectors, disclosure root" + content + sequence.to_bytes(8, "big"))
    record = Record(event_hash(event, context), content, party, sequence, disclosure_root)
    return BundleRecord(context, event, record, signer.sign(record_hash(DOMAIN, record)), None)


def anchor(entries: Sequence[BundleRecord], block: int = 7) -> list[BundleRecord]:
    """The records of one batch, each with its place under the batch's root."""
    leaves = [leaf(record_hash(DOMAIN, entry.record), entry.signature) for entry in entries]
    tree = Tree.of(leaves)
    transaction = keccak256(b"tallystick vectors, transaction" + tree.root)
    return [
        replace(entry, anchor=Anchor(tree.root, tuple(tree.proof(one)), index, transaction, block))
        for index, (entry, one) in enumerate(zip(entries, leaves, strict=True))
    ]


def bundle_of(entries: Sequence[BundleRecord]) -> Bundle:
    """A bundle of the chain and contracts of the vectors."""
    return Bundle(TRUSTED.chain_id, TRUSTED.event_log, TRUSTED.party_registry, tuple(entries))


@dataclass(frozen=True)
class Stand:
    """A signer's one time of standing for a party: from <= t < until, for a sum of uses."""

    party: bytes
    uses: int
    from_at: int = 0
    until_at: int = 2**64 - 1
    first_disowned: int = 2**64 - 1


@dataclass
class RecordedAnswers:
    """What a chain answered at one block, written down: evidence that is handed in like the bundle itself."""

    now_at: int
    anchors: dict[bytes, int] = field(default_factory=dict)
    later: set[bytes] = field(default_factory=set)
    stands: dict[bytes, Stand] = field(default_factory=dict)
    withdrawals: dict[tuple[bytes, bytes], int] = field(default_factory=dict)

    def anchoring(self, *entries: BundleRecord) -> RecordedAnswers:
        """The same chain, had it anchored these records' roots as well, as it did the first."""
        at = next(iter(self.anchors.values()), self.now_at)
        return replace(self, anchors=self.anchors | {entry.anchor.root: at for entry in entries if entry.anchor})

    def anchored_at(self, roots: Sequence[bytes]) -> Sequence[int]:
        """See ChainAnswers."""
        return [self.anchors.get(root, 0) for root in roots]

    def anchored_later(self, roots: Sequence[bytes]) -> Sequence[bool]:
        """See ChainAnswers."""
        return [root in self.later for root in roots]

    def standing_of(self, questions: Sequence[StandingQuestion]) -> Sequence[Standing]:
        """See ChainAnswers. A question about the time after the block is refused, as the chain does."""
        return [self._standing(question) for question in questions]

    def withdrawn_at(self, questions: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """See ChainAnswers."""
        return [self.withdrawals.get(question, 0) for question in questions]

    def _standing(self, question: StandingQuestion) -> Standing:
        if question.at > self.now_at:
            raise ValueError(f"a question about {question.at}, after the block of {self.now_at}")
        stand = self.stands.get(question.signer)
        if stand is None:
            return Standing(None, disowned=False)
        is_standing = bool(stand.uses & question.use) and stand.from_at <= question.at < stand.until_at
        return Standing(stand.party if is_standing else None, question.sequence >= stand.first_disowned)

    def to_json(self) -> dict[str, Any]:
        """The recording as it stands in tests/vectors: times in seconds, 0x for bytes."""
        return {
            "now": self.now_at,
            "anchors": {to_hex(root): at for root, at in self.anchors.items()},
            "anchoredLater": sorted(to_hex(root) for root in self.later),
            "stands": [
                {
                    "signer": to_hex(signer),
                    "party": to_hex(stand.party),
                    "uses": stand.uses,
                    "from": stand.from_at,
                    "until": str(stand.until_at),
                    "firstDisowned": str(stand.first_disowned),
                }
                for signer, stand in self.stands.items()
            ],
            "withdrawals": [
                {"party": to_hex(party), "recordHash": to_hex(name), "at": at}
                for (party, name), at in self.withdrawals.items()
            ],
        }
