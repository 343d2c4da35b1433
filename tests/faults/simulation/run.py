"""One seed from beginning to end: events come in, orders are funded, everything goes wrong, then nothing does any more.

The clock of the world and every draw come from the seed. Nothing else decides anything, so that a seed runs the same
way wherever it runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from ledger.batch import AnchoringSettings
from ledger.keystore import LocalSigner
from tests.faults.simulation.chain import FORK_MAX, SeededChain
from tests.faults.simulation.checker import check, read_chain, read_store
from tests.faults.simulation.derived import check_books, check_rebuilt
from tests.faults.simulation.faults import STEPS, Fault, Faults
from tests.faults.simulation.network import Network
from tests.faults.simulation.node import Down, Node
from tests.faults.simulation.world import START, WINDOW_S, Order, World
from tests.traceability.nodes import GROWER, ROASTER
from tests.traceability.orders import COFFEE_CONTEXT, INSPECTOR, inspected, kilograms, papers, received

LARGE_EVERY = 20
"""Which seeds are large: four times as many steps, and orders. The others come to an end soon, and there are many."""
STEPS_SMALL, STEPS_LARGE = (3, 8), (16, 30)
REST_ROUNDS_MAX = 60
REST_S = 7
QUIET_ROUNDS = 2
"""Rounds after the last fault, and seconds between them, until everything has to be done."""
CONFIRMATIONS = (1, 1, 2, 3, 6, FORK_MAX + 1)
ORDERS_SMALL, ORDERS_LARGE = (0, 0, 0, 1), (1, 1, 2)
AT_REST = """
    SELECT (SELECT count(*) FROM transactions WHERE state IN ('planned', 'sent', 'mined')
             OR state = 'failed' AND (intent LIKE 'anchor:%' OR intent LIKE 'settle:%' OR intent LIKE 'collect:%'))
         + (SELECT count(*) FROM records WHERE batch_id IS NULL AND NOT is_foreign)
         + (SELECT count(*) FROM attestations WHERE state IN ('found', 'waiting', 'planned'))
         + (SELECT count(*) FROM credits)
         + (SELECT count(*) FROM order_items, positions WHERE settleable_from <= block_at)
"""
"""What is left to do, as it lies on the disk."""


class NeverAtRest(AssertionError):
    """So long after the last fault something is still under way."""


@dataclass
class Told:
    """What clients have sent, and what they were told: the hash of each event's record, by the event's name."""

    accepted: dict[str, str] = field(default_factory=dict)
    funded: list[Order] = field(default_factory=list)
    losses: int = 0


@dataclass
class _Document:
    """A client's events, which it sends until they are taken. `names` are the events' own."""

    party: LocalSigner
    names: Sequence[str]
    data: bytes


@dataclass
class Run:
    """A seed's run. `play` it, and then look at what it was `told`, at the chain and at the node's database."""

    world: World
    seed: int
    told: Told = field(default_factory=Told)
    now_us: int = START * 1_000_000
    clock_error_us: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.world.reset()
        self.faults = Faults(Random(self.random.getrandbits(64)))
        self.chain = SeededChain(self.world.wire, self.random, self.world.base, START)
        self.network = Network(self.chain, self.faults, self._fork_between, self._other_worker)
        self.settings = AnchoringSettings(
            batch_size_max=self.random.choice((1, 3, 8)), batch_age_s_max=self.random.choice((0, 2, 2)),
            confirmations=self.random.choice(CONFIRMATIONS),
        )  # fmt: skip
        self.node = Node(self.world, self.network, self.faults, self.settings, self.random.randbytes)
        self._unsent: list[_Document] = []
        self._to_do: list[Callable[[], None]] = list(self._plan())
        self.faults.say(f"seed {self.seed}: {self.settings}, {len(self._to_do)} things to do")

    @property
    def is_large(self) -> bool:
        """Whether it is one of the few that take their time."""
        return self.seed % LARGE_EVERY == 0

    @property
    def counts(self) -> Counter[Fault]:
        """How often which fault struck."""
        return self.faults.counts

    def play(self) -> None:
        """All of it. Raises NeverAtRest."""
        for number in range(self.random.randint(*(STEPS_LARGE if self.is_large else STEPS_SMALL))):
            self._step(number)
        self._calm_down()
        self._come_to_rest()
        if any(order.window_s for order in self.told.funded):
            self._pass_time(WINDOW_S)
            self._come_to_rest()
        self._pass()
        self.faults.say(f"ends at block {self.chain.head} {self.chain.block('latest')['hash']}")

    # ------------------------------------------------------------------------------------------------ what goes wrong

    _no_blocks = False

    def _step(self, number: int) -> None:
        self._pass_time(self.random.randint(1, 6))
        self.faults.say(f"{number}: {self.now_us // 1_000_000 - START} s, block {self.chain.head - self.chain.base}")
        self._strike(self.faults.draw(STEPS))
        if self._to_do and self.random.random() < 0.6:
            self._to_do.pop(0)()
        if self._unsent and self.random.random() < 0.7:
            self._send(self._unsent.pop(0))
        if self.random.random() < 0.85:
            self._pass()
        if self.random.random() < 0.3:
            self.chain.deliver()
        if not self._no_blocks and self.random.random() < 0.7:
            self.chain.mine()
        if self.random.random() < 0.2:
            self._end_what_lasts()

    def _strike(self, fault: Fault | None) -> None:
        match fault:
            case Fault.RESTART:
                self.node.restart()
            case Fault.FORK:
                self._fork(self.random.randint(1, max(1, self.settings.confirmations - 1)))
            case Fault.DEEP_FORK:
                self._fork(self.random.randint(1, FORK_MAX))
            case Fault.NO_BLOCKS:
                self._no_blocks = True
            case Fault.LAG:
                self.network.lag = self.random.randint(1, 3)
            case Fault.FEE_SPIKE:
                self.chain.spike(is_on=True)
            case Fault.CLOCK:
                self.clock_error_us = self.random.choice((-1_200, -40, 40, 3_600)) * 1_000_000

    def _end_what_lasts(self) -> None:
        self._no_blocks, self.network.lag, self.clock_error_us = False, 0, 0
        if self.chain.is_spiking:
            self.chain.spike(is_on=False)

    def _fork(self, depth: int) -> None:
        self.faults.say("    " + self.chain.fork(depth))

    def _fork_between(self) -> None:
        self._fork(self.random.randint(1, max(1, self.settings.confirmations - 1)))

    def _other_worker(self) -> None:
        self.node.run_beside(self._clock_us)

    # ------------------------------------------------------------------------------------------------- what is done

    @property
    def _clock_us(self) -> int:
        return self.now_us + self.clock_error_us

    def _pass_time(self, seconds: int) -> None:
        self.now_us += seconds * 1_000_000
        self.chain.set_time(self.now_us // 1_000_000)

    def _pass(self) -> None:
        """One pass of the worker."""
        try:
            progress = self.node.run_pass(self._clock_us)
        except Down:
            return
        self.faults.say(f"  pass: {progress.done} done" + "".join(f"; {each}" for each in progress.complaints))

    def _send(self, document: _Document) -> None:
        """A client sends its events; without an answer it will come again."""
        try:
            job = self.node.capture(document.party, document.data, self._clock_us)
        except Down:
            self._unsent.append(document)
            return
        for name, item in zip(document.names, job.items, strict=True):
            assert item.record_hash is not None, f"event {name} was refused: {job.errors}"
            told = self.told.accepted.setdefault(name, item.record_hash.hex())
            assert told == item.record_hash.hex(), f"event {name} was recorded twice"
        self.faults.say(f"  taken: {', '.join(document.names)} as {self.told.accepted[document.names[0]][:16]}")

    def _take_terms(self, order: Order) -> None:
        try:
            self.node.take_terms(order.document, self._clock_us)
        except Down:
            self._to_do.append(lambda: self._take_terms(order))

    def _fund(self, order: Order) -> None:
        raw = self.world.funding(order, self.world.funding_nonce + len(self.told.funded))
        self.told.funded.append(order)
        self.chain.people.append(raw)
        self.chain.take(raw)
        self.faults.say(f"  funded: {order.number}")

    # --------------------------------------------------------------------------------------------------- what is rest

    def _calm_down(self) -> None:
        self.faults.say("nothing goes wrong any more")
        self.faults.is_on = False
        self._end_what_lasts()
        for thing in self._to_do:
            thing()

    def _come_to_rest(self) -> None:
        """Until nothing is left to do, and what is done is final."""
        quiet = 0
        for _ in range(REST_ROUNDS_MAX):
            self._pass_time(REST_S)
            for document in [self._unsent.pop() for _ in range(len(self._unsent))]:
                self._send(document)
            self._pass()
            self.told.losses += self.node.resume(self.now_us)
            self.chain.deliver()
            for _ in range(1 + self.settings.confirmations // 3):
                self.chain.mine()
            quiet = 0 if self.left_to_do() else quiet + 1
            if quiet == QUIET_ROUNDS:
                return
        raise NeverAtRest(
            f"{self.left_to_do()} things are left to do, {REST_ROUNDS_MAX * REST_S} s after the last fault"
        )

    def check(self) -> None:
        """Raises Broken where a promise was not kept."""
        on_chain = read_chain(self.world.wire, self.world.deployment, self.world.base)
        check(on_chain, read_store(self.world.file), self.told.accepted, self.told.funded)
        if self.is_large:
            held = {GROWER.address: on_chain.balances["grower"], ROASTER.address: on_chain.balances["roaster"]}
            check_books(self.node.engine, self.world.deployment, held)
            check_rebuilt(self.world, self.node, self.now_us)

    def left_to_do(self) -> int:
        """How much is under way, by what lies on the disk."""
        ((count,),) = self.node.rows(AT_REST)
        assert isinstance(count, int)
        return count

    # ------------------------------------------------------------------------------------------------- what there is

    def _plan(self) -> Iterator[Callable[[], None]]:
        """What happens in this seed, in the order in which it does, as far as it is asked for in order."""
        things: list[Callable[[], None]] = []
        for number in range(self.random.randint(1, 4 if self.is_large else 2)):
            names = [f"{number}-{place}" for place in range(self.random.randint(1, 3))]
            events = [received(quantityList=[kilograms(1 + number * 10 + place)]) for place in range(len(names))]
            for event in events:
                del event["bizTransactionList"]
            document = _document(self.random.choice((GROWER, ROASTER)), names, events)
            things += [self._sending(document)] * self.random.choice((1, 1, 2))
        for order in self.random.sample(
            self.world.orders, self.random.choice(ORDERS_LARGE if self.is_large else ORDERS_SMALL)
        ):
            things += [lambda order=order: self._fund(order), lambda order=order: self._take_terms(order)]
            things += [self._sending(document) for document in _deliveries(order)]
        self.random.shuffle(things)
        yield from things

    def _sending(self, document: _Document) -> Callable[[], None]:
        return lambda: self._unsent.append(document)


def _deliveries(order: Order) -> Iterator[_Document]:
    """What buyer and inspector say of the one delivery under an order."""
    named: dict[str, Any] = {"bizTransactionList": papers(("po", order.number), ("desadv", order.number + "-DA"))}
    yield _document(ROASTER, [f"{order.number}: receipt"], [received(**named)])
    finding = received(**named, readPoint=inspected()["readPoint"]) if order.needs_both else inspected(**named)
    yield _document(INSPECTOR, [f"{order.number}: inspection"], [finding])


def _document(party: LocalSigner, names: Sequence[str], events: Sequence[dict[str, Any]]) -> _Document:
    """An EPCIS document of events that happened a while before the seed begins."""
    return _Document(party, names, orjson.dumps({
        "@context": COFFEE_CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": "2026-03-01T00:00:00Z", "epcisBody": {"eventList": [_timed(event) for event in events]},
    }))  # fmt: skip


def _timed(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "eventTime": "2027-01-15T07:35:00+00:00"}
