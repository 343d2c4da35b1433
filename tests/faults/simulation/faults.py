"""What may go wrong, how likely it is under a seed, and the trace of what did."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Crash(BaseException):
    """The process is gone, at once. Nothing of ours may catch it."""


class Fault(StrEnum):
    """Everything that is broken."""

    UNREACHABLE = "a question that does not arrive"
    LOST_ANSWER = "an answer that is lost"
    GARBAGE = "an answer that is none"
    REFUSED = "a node that is too busy"
    DROPPED = "a transaction that the node takes and forgets"
    DELAYED = "a transaction that arrives later"
    DUPLICATED = "a transaction that arrives twice"
    STALE = "an answer from a node that lags behind"
    BLOCK_BETWEEN = "a block between question and answer"
    FORK_BETWEEN = "a fork between question and answer"
    OTHER_WORKER = "another worker's pass between question and answer"
    CRASH_BEFORE_QUESTION = "a crash before a question"
    CRASH_AFTER_ANSWER = "a crash after the node has answered"
    COMMIT_FAILS = "a commit that fails"
    COMMIT_UNANSWERED = "a commit that is made and reported as failed"
    CRASH_BEFORE_COMMIT = "a crash before a commit"
    CRASH_AFTER_COMMIT = "a crash after a commit"
    RESTART = "a restart between two passes"
    FORK = "a fork"
    DEEP_FORK = "a fork that takes back what was final"
    NO_BLOCKS = "no blocks for a while"
    LAG = "a node that lags behind for a while"
    FEE_SPIKE = "fees that rise"
    CLOCK = "a clock that jumps"


QUESTIONS = {
    Fault.UNREACHABLE: 15, Fault.LOST_ANSWER: 15, Fault.GARBAGE: 10, Fault.REFUSED: 5, Fault.STALE: 15,
    Fault.BLOCK_BETWEEN: 10, Fault.FORK_BETWEEN: 5, Fault.OTHER_WORKER: 10, Fault.CRASH_BEFORE_QUESTION: 5,
    Fault.CRASH_AFTER_ANSWER: 5,
}  # fmt: skip
SENDINGS = {Fault.DROPPED: 100, Fault.DELAYED: 60, Fault.DUPLICATED: 60, Fault.LOST_ANSWER: 80,
            Fault.CRASH_BEFORE_QUESTION: 30, Fault.CRASH_AFTER_ANSWER: 40}  # fmt: skip
COMMITS = {Fault.COMMIT_FAILS: 12, Fault.COMMIT_UNANSWERED: 12, Fault.CRASH_BEFORE_COMMIT: 12,
           Fault.CRASH_AFTER_COMMIT: 12}  # fmt: skip
STEPS = {Fault.RESTART: 30, Fault.FORK: 80, Fault.DEEP_FORK: 4, Fault.NO_BLOCKS: 30, Fault.LAG: 30,
         Fault.FEE_SPIKE: 20, Fault.CLOCK: 30}  # fmt: skip
"""Of a thousand questions, sendings, commits and steps, before a seed has its say."""
INTENSITIES = (0, 0.5, 1, 1, 2, 4)


@dataclass
class Faults:
    """Draws what goes wrong. A seed leaves some faults out and has more of others, so that each gets its turn alone."""

    random: Random
    is_on: bool = True
    counts: Counter[Fault] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    _intensity: dict[Fault, float] = field(init=False)

    def __post_init__(self) -> None:
        self._intensity = {fault: self.random.choice(INTENSITIES) for fault in Fault}

    def draw(self, odds: dict[Fault, int], *, without: Iterable[Fault] = ()) -> Fault | None:
        """The fault that strikes now, mostly None."""
        if not self.is_on:
            return None
        left = self.random.random() * 1000
        for fault, per_mille in odds.items():
            left -= per_mille * self._intensity[fault]
            if left < 0:
                if fault in without:
                    return None
                self.note(fault)
                return fault
        return None

    def note(self, fault: Fault) -> None:
        """Counts a fault and puts it into the trace."""
        self.counts[fault] += 1
        self.say(f"  ! {fault}")

    def say(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(line)

    def trace_hash(self) -> str:
        """16 hexadecimal digits that stand for the whole trace."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]
