"""Whether a node is ready to take work: a list of what has to be so, each with how it is.

Not ready is not broken: a node whose chain is away takes captures all the same, and answers /health. But who has
several nodes, or waits for one to come up, should send work to one that is ready.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from api.errors import NotReady
from api.node import Node
from api.recording import receipt_signer
from ledger.answers import Use
from ledger.database import check_writable, reading
from ledger.errors import ChainError, DatabaseNotWritable, KeyFileError
from ledger.follower import NAME
from ledger.hexadecimal import to_address
from ledger.standing import LocalAnswers, registry_of
from ledger.tables import PositionRow

LOCK_WAIT_S = 2.0
CONTACT_S_MAX = 60.0
LAG_BLOCKS_MAX = 64
DISK_FREE_MIN = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so, and in words how it is."""

    name: str
    is_good: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """As GET /ready gives it out."""
        return {"name": self.name, "ok": self.is_good, "detail": self.detail}


def check_ready(node: Node, now_us: int) -> list[Check]:
    """Every check, all of them good. Raises NotReady with every check, too."""
    checks = [_database(node), _disk(node), _keys(node)]
    # What can't be read at all has been found above.
    if checks[0].is_good:
        with reading(node.engine) as session:
            checks += [check(node, session, now_us) for check in _READ]
    if not all(check.is_good for check in checks):
        raise NotReady(tuple((check.name, check.is_good, check.detail) for check in checks))
    return checks


def _database(node: Node) -> Check:
    try:
        check_writable(node.engine, LOCK_WAIT_S)
    except DatabaseNotWritable as error:
        return Check("database", False, str(error))
    return Check("database", True, "can be written")


def _disk(node: Node) -> Check:
    free = shutil.disk_usage(node.settings.data).free
    return Check("disk", free >= DISK_FREE_MIN, f"{free // 2**20:,} MiB are free, {DISK_FREE_MIN // 2**20} are needed")


def _keys(node: Node) -> Check:
    try:
        signer = receipt_signer(node)
    except KeyFileError as error:
        return Check("keys", False, str(error))
    if signer is None:
        return Check("keys", False, "there is no anchoring key: put it into DATA/keys/node.json")
    return Check("keys", True, f"{to_address(signer.address)} is open")


def _chain(_: Node, session: Session, now_us: int) -> Check:
    position = session.get(PositionRow, NAME)
    if position is None:
        return Check("chain", False, "has not been read yet: start the worker, or wait for it")
    age_s = (now_us - position.contact_at_us) / 1_000_000
    words = f"last reached {age_s:.0f} s ago, {CONTACT_S_MAX:.0f} at most"
    return Check("chain", age_s <= CONTACT_S_MAX, words)


def _follower(_: Node, session: Session, __: int) -> Check:
    position = session.get(PositionRow, NAME)
    if position is None:
        return Check("follower", False, "has read nothing yet")
    lag = max(0, (position.head_number or position.block_number) - position.block_number)
    return Check("follower", lag <= LAG_BLOCKS_MAX, f"{lag} blocks behind, {LAG_BLOCKS_MAX} at most")


def _anchoring(node: Node, session: Session, _: int) -> Check:
    try:
        answers = LocalAnswers.of(session)
        account = node.keyring.node_file().address
    except (ChainError, KeyFileError) as error:
        return Check("anchoring", False, str(error))
    standing = registry_of(session, answers.block_number).standing_of(account, Use.ANCHOR, answers.next_at, 0)
    words = "stands for anchoring" if standing.party else "does not stand for anchoring: `tally party signer authorise`"
    return Check("anchoring", standing.party is not None, f"{to_address(account)} {words}")


_READ: tuple[Callable[[Node, Session, int], Check], ...] = (_chain, _follower, _anchoring)
