"""What a verifier asks the chain, and the form of the answers (docs/proof-format.md, section 4).

All answers of one ChainAnswers are read at one block, the newest that the verifier holds final: the chain itself, the
tables derived from its logs, or a recording of either may give them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Use(IntEnum):
    """What a signer key may stand for. A key's `uses` is a sum of these."""

    RECORD = 1
    ATTEST = 2
    ANCHOR = 4
    WITHDRAW = 8


@dataclass(frozen=True, slots=True)
class StandingQuestion:
    """Whom did this signer (20 bytes) stand for, for one use, at that block time (seconds), with that number?"""

    signer: bytes
    use: int
    at: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The party (20 bytes) the signer stood for, None where there was none or it was not active.

    `disowned` is true where the party, revoking the key, declared this number or a lower one as not its own.
    """

    party: bytes | None
    disowned: bool


class ChainAnswers(Protocol):
    """EventLog's and PartyRegistry's answers at one block. Raises ChainError where no answer is to be had."""

    @property
    def now_at(self) -> int:
        """The time of that block, in seconds. No question concerns a later time."""

    def anchored_at(self, roots: Sequence[bytes]) -> Sequence[int]:
        """For each root the time of its anchor in seconds, 0 where it was never anchored (EventLog.anchorOf)."""

    def anchored_later(self, roots: Sequence[bytes]) -> Sequence[bool]:
        """For each root that has no anchor at that block: whether a newer block, not held final yet, has one."""

    def standing_of(self, questions: Sequence[StandingQuestion]) -> Sequence[Standing]:
        """For each question the chain's answer (PartyRegistry.standingOf)."""

    def withdrawn_at(self, questions: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """For each (party, record hash) the time of its withdrawal in seconds, 0 for never (EventLog.withdrawnAt)."""
