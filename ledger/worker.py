"""One pass of everything that a node owes the chain: follow, batch, settle, send. No loop, no sleep, no thread.

Whoever runs it calls again after `pause_s`. Several processes may run it on one database: the rows decide who does
what.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import Engine

from ledger import anchoring, follower, lapses, settlement, submission, tokens
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.deployment import Deployment
from ledger.errors import ChainError
from ledger.keystore import Signer
from ledger.progress import Progress
from ledger.submission import FeeSettings

BUSY_S, IDLE_S = 0.02, 0.1
"""How long to wait before the next pass on a chain of one's own: while something is under way, and else."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker works with. `signers` are the keys held, by account; `anchoring_key` is one of them.

    That one anchors, and settles what is due to the parties for which the others stand.
    """

    engine: Engine
    chain: Chain
    deployment: Deployment
    signers: Mapping[bytes, Signer]
    anchoring_key: bytes
    anchoring: AnchoringSettings = field(default_factory=AnchoringSettings)
    fees: FeeSettings = field(default_factory=FeeSettings)
    poll_s: float | None = None


def pause_s(worker: Worker, progress: Progress) -> float:
    """Seconds until the next pass: `poll_s` where it is set, as it should be for a node that others use as well."""
    if worker.poll_s is not None:
        return worker.poll_s
    return BUSY_S if progress.is_waiting else IDLE_S


def run_once(worker: Worker, now_us: int) -> Progress:
    """Reads what is new on the chain, closes batches that are due, settles what is due, sends what is planned.

    A chain that does not answer is a complaint, not an end: records stay where they are, and the next pass tries
    again. Raises ChainError(wrong_chain | no_contract) and WrongDeployment, for which only a person has the remedy.
    """
    try:
        followed = follower.step(worker.engine, worker.chain, worker.deployment, worker.anchoring, now_us)
        batched = anchoring.step(worker.engine, worker.deployment, worker.anchoring_key, worker.anchoring, now_us)
        lapsed = lapses.step(worker.engine)
        asked = tokens.step(worker.engine, worker.chain, worker.deployment)
        settled = settlement.step(worker.engine, worker.deployment, worker.anchoring_key, worker.signers, now_us)
        sent = submission.step(worker.engine, worker.chain, worker.signers, worker.fees, now_us)
    except ChainError as error:
        if not error.is_retryable:
            raise
        _log.debug("the chain does not answer: %s", error.detail)
        return Progress(complaints=(f"the chain does not answer, records wait for it: {error.detail}",))
    return followed + batched + lapsed + asked + settled + sent
