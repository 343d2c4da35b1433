"""The node under test: its database, its worker, and a process that dies and is started again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from api.worker import run_pass
from ledger import losses
from ledger.batch import AnchoringSettings
from ledger.keystore import LocalSigner
from ledger.progress import Progress
from ledger.submission import FeeSettings
from ledger.worker import Worker
from tests.faults.simulation.faults import Crash, Faults
from tests.faults.simulation.network import Network, NetworkedChain
from tests.faults.simulation.world import CHAIN_ID, SIGNERS, World
from tests.traceability.nodes import NODE
from traceability.capture import capture
from traceability.jobs import CaptureJob
from traceability.order_terms import import_terms
from traceability.terms import TermsDocument, terms_bytes


class Down(Exception):
    """The process has died, and whoever asked it something got no answer."""


@dataclass
class Node:
    """A process of ours over a database: what it does raises Down where it dies meanwhile; then it is up again."""

    world: World
    network: Network
    faults: Faults
    settings: AnchoringSettings
    randomness: Callable[[int], bytes]
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    @property
    def engine(self) -> Engine:
        """Its database."""
        return self.world.database.engine

    def run_pass(self, now_us: int) -> Progress:
        """One pass of the worker."""
        with self._may_die():
            return run_pass(self.worker, now_us)

    def run_beside(self, now_us: int) -> None:
        """Another worker's pass, on the same database. It dies alone."""
        other = self.world.beside
        try:
            other.faults = self.faults
            run_pass(self._worker(other.engine), now_us)
        except (Crash, OperationalError):
            self.faults.say("    the other worker dies")
        finally:
            other.end_process()

    def capture(self, party: LocalSigner, document: bytes, now_us: int) -> CaptureJob:
        """A client's events."""
        with self._may_die():
            return capture(
                self.engine, domain=self.world.deployment.domain, party=party.address, signer=party, document=document,
                now_us=now_us, randomness=self.randomness, receipt_signer=NODE,
            )  # fmt: skip

    def take_terms(self, document: TermsDocument, now_us: int) -> None:
        """A party's terms document."""
        with self._may_die():
            import_terms(self.engine, terms_bytes(document), now_us)

    def resume(self, now_us: int) -> int:
        """A person has looked at what the chain had lost."""
        return losses.resume(self.engine, now_us)

    def restart(self) -> None:
        """Ends the process and starts another: all that is in memory is gone, and what was not committed."""
        self.world.database.end_process()
        self._start()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Rows as they lie on the disk, read by nothing of ours."""
        connection = sqlite3.connect(self.world.file)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def _start(self) -> None:
        self.world.database.faults = self.faults
        self.worker = self._worker(self.engine)

    def _worker(self, engine: Engine) -> Worker:
        chain = NetworkedChain(self.network, CHAIN_ID)
        return Worker(
            engine, chain, self.world.deployment, SIGNERS, NODE.address, self.settings, FeeSettings(stuck_s=20)
        )  # fmt: skip

    @contextmanager
    def _may_die(self) -> Iterator[None]:
        """A process that the database fails ends, too; whoever keeps it starts it again."""
        try:
            yield
        except (Crash, OperationalError) as error:
            self.faults.say(f"    the process dies of {type(error).__name__}")
            self.restart()
            raise Down from error
