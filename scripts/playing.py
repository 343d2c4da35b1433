"""Plays the story on an embedded chain: every capture at its own time, anchored when it happened.

It goes on where it was cut off: what is recorded already is recognised by its content, so nothing is played twice.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from api.keyring import NODE_KEY
from api.worker import run_pass
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.database import reading
from ledger.deployment import Deployment
from ledger.devnet import Devnet
from ledger.errors import ChainError, ChainReason
from ledger.keystore import LocalSigner
from ledger.submission import FeeSettings
from ledger.tables import RecordRow, TransactionRow, TransactionState
from ledger.worker import Worker
from scripts.scenario import Capture, Story, tell
from scripts.scenario.trade import Order, Step
from scripts.trading import Trader
from traceability.capture import capture
from traceability.epcis.canonical import content_hash

STEP = timedelta(hours=2)
"""Captures that follow each other so closely are anchored together."""
ROUNDS_MAX = 20
_DONE = (TransactionState.FINAL.value, TransactionState.REPLACED.value, TransactionState.FAILED.value)


@dataclass(frozen=True)
class Stage:
    """Where the story is played: database, chain, contracts, and everybody's keys by file name."""

    engine: Engine
    devnet: Devnet
    chain: Chain
    deployment: Deployment
    keys: Mapping[str, LocalSigner]

    def story(self) -> Story:
        """The story from this chain's first block on."""
        return tell(datetime.fromtimestamp(self.devnet.genesis_at, UTC))

    @property
    def trader(self) -> Trader:
        """The hands that do what is to be done about orders."""
        return Trader(self.engine, self.chain, self.deployment, self.keys)

    def remaining(self, story: Story) -> list[Capture]:
        """What follows the last capture that is recorded. A capture is there whole or not at all: one event tells."""
        with reading(self.engine) as session:
            recorded = {bytes(each) for each in session.exec(select(RecordRow.content_hash))}
        for number, each in enumerate(story.captures):
            if content_hash(each.document["@context"], each.events[0]) not in recorded:
                return list(story.captures[number:])
        return []

    def play(self, captures: Iterable[Capture], went_on: Callable[[int], None], orders: Sequence[Order] = ()) -> None:
        """Captures these and anchors them, and what an earlier play has left behind; and does what `orders` ask for.

        `went_on` is told after each step how many events it had; what it raises ends the play between two steps.
        """
        self.anchor(self._newest_at())
        deeds = sorted(((step, order) for order in orders for step in order.steps), key=lambda deed: deed[0].at)
        for step in _steps(captures, [deed.at for deed, _ in deeds]):
            while deeds and deeds[0][0].at <= step[0].at:
                self._act(*deeds.pop(0))
            for each in step:
                self._capture(each)
            self.anchor(self._at(step[-1].at))
            went_on(sum(len(each.events) for each in step))
        for deed in deeds:
            self._act(*deed)

    def _act(self, step: Step, order: Order) -> None:
        """Takes a step about an order at its time, unless it was taken before."""
        at = max(self._at(step.at), self.devnet.head_at + 1)
        self.devnet.mine_at(at)
        self.anchor(at)
        if self.trader.act(order, step, self.devnet.genesis_at, at):
            self.anchor(at)

    def _at(self, after: timedelta) -> int:
        """The block time so long after the story's start, in seconds; never before the newest block's."""
        return max(self.devnet.genesis_at + int(after.total_seconds()) + 1, self.devnet.head_at)

    def _newest_at(self) -> int:
        """The time of the newest block, or of the newest record where that is later. Seconds."""
        with reading(self.engine) as session:
            received_at_us = session.exec(select(func.max(col(RecordRow.received_at_us)))).one()
        return max(self.devnet.head_at, (received_at_us or 0) // 1_000_000 + 1)

    def anchor(self, at: int) -> None:
        """Brings everything that is recorded or planned onto the chain, in blocks of the time `at` (seconds).

        Raises ChainError where something does not get there.
        """
        worker = Worker(
            self.engine,
            self.chain,
            self.deployment,
            {signer.address: signer for signer in self.keys.values()},
            self.keys[NODE_KEY].address,
            AnchoringSettings(batch_age_s_max=0),
            FeeSettings(resend_s=0),
        )
        complaints: tuple[str, ...] = ()
        for _ in range(ROUNDS_MAX):
            progress = run_pass(worker, at * 1_000_000)
            with reading(self.engine) as session:
                if progress.done == 0 and is_all_final(session):
                    return
            complaints = progress.complaints
            self.devnet.step(at)
        raise ChainError(ChainReason.BAD_ANSWER, f"the embedded chain does not take records: {'; '.join(complaints)}")

    def _capture(self, each: Capture) -> None:
        capture(
            self.engine,
            domain=self.deployment.domain,
            party=self.keys[each.party.slug].address,
            signer=self.keys[each.key],
            document=json.dumps(each.document, ensure_ascii=False).encode(),
            now_us=self.devnet.genesis_at * 1_000_000 + each.at // timedelta(microseconds=1),
            randomness=secrets.token_bytes,
            receipt_signer=self.keys[NODE_KEY],
        )


def is_all_final(session: Session) -> bool:
    """True where every record of this node's own is anchored in a final block, and nothing waits to be sent."""
    is_unbatched = col(RecordRow.batch_id).is_(None) & col(RecordRow.is_foreign).is_(False)
    is_open = col(TransactionRow.state).not_in(_DONE)
    waiting = select(RecordRow.id).where(is_unbatched).limit(1), select(TransactionRow.id).where(is_open).limit(1)
    return all(session.exec(query).first() is None for query in waiting)


def _steps(captures: Iterable[Capture], between: Sequence[timedelta] = ()) -> Iterator[list[Capture]]:
    """The captures in groups of those that happened within one STEP, and with none of the times `between` them."""
    group: list[Capture] = []
    for each in captures:
        if group and (each.at - group[0].at > STEP or any(group[0].at < at <= each.at for at in between)):
            yield group
            group = []
        group.append(each)
    if group:
        yield group
