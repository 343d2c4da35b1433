"""Those who use the node, and write down what they are told: programs that capture, a trader, and a probe.

A client that is not answered asks again with the same Idempotency-Key until it is, as docs/operations.md says.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx

ASK_S_MAX = 10.0
PAUSE_S = 0.2
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
WAREHOUSE = "urn:epc:id:sgln:9521234.50001.0"
COFFEE = "urn:epc:class:lgtin:9521234.000101.FAULTS"


class GivenUp(Exception):
    """The run has ended before an answer came."""


class Journal:
    """What clients were told, a JSON object a line, on a disk that nobody breaks."""

    def __init__(self, path: Path) -> None:
        self.path, self._file = path, path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.troubles: Counter[str] = Counter()
        """Answers of 500 and above, and connections that broke, by what was seen."""

    def note(self, what: str, **fields: Any) -> None:
        with self._lock:
            self._file.write(json.dumps({"what": what, **fields}) + "\n")

    def trouble(self, what: str) -> None:
        with self._lock:
            self.troubles[what] += 1

    def lines(self) -> Iterator[dict[str, Any]]:
        """All of it, once nobody writes any more."""
        self._file.flush()
        with self.path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


@dataclass(frozen=True)
class Client:
    """A party's program. `stop` is set where nobody is to answer it any more."""

    url: str
    api_key: str
    journal: Journal
    stop: threading.Event
    local: threading.local = field(default_factory=threading.local)

    def ask(self, path: str, body: Any, key: str) -> httpx.Response:
        """The answer, which is none of 500 and above. Raises GivenUp."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        while (answer := self.attempt("POST", path, content=content, headers=headers)) is None:
            if self.stop.wait(PAUSE_S):
                raise GivenUp(path)
        return answer

    def look(self, path: str) -> Any:
        """What is there, None where that is not to be had at this moment."""
        answer = self.attempt("GET", path)
        return answer.json() if answer is not None and answer.status_code == 200 else None

    def attempt(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        """One try; None where there was no answer, or one of 500 and above."""
        try:
            answer = self._http().request(method, path, **request)
        except httpx.TransportError as error:
            self.journal.trouble(type(error).__name__)
            return None
        if answer.status_code < 500:
            return answer
        self.journal.trouble(f"{answer.status_code} {_code(answer)}")
        return None

    def _http(self) -> httpx.Client:
        if not hasattr(self.local, "http"):
            headers = {"Authorization": f"Bearer {self.api_key}"}
            self.local.http = httpx.Client(base_url=self.url, headers=headers, timeout=ASK_S_MAX)
        http: httpx.Client = self.local.http
        return http

    def capture(self, kind: str, key: str, events: list[dict[str, Any]]) -> None:
        """Returns once they are accepted; what was said of each is in the journal. Raises GivenUp.

        A refusal stays what it is: it is asked anew with another key. (A clock that was set back finds that events lie
        in the future.)
        """
        body = document(events)
        for number in count():
            answer = self.ask("/capture", body, f"{key} {number}")
            if self.is_accepted(answer, kind, f"{key} {number}"):
                return
            if self.stop.wait(PAUSE_S):
                raise GivenUp("/capture")

    def is_accepted(self, answer: httpx.Response, kind: str, key: str) -> bool:
        """Whether the events of a capture were taken. Either way it is noted."""
        job = answer.json()
        if answer.status_code != 202:
            self.journal.note("refused", kind=kind, key=key, status=answer.status_code, code=job.get("code"))
            self.journal.trouble(f"{answer.status_code} {_code(answer)}")
            return False
        told = [[event["status"], event.get("recordHash")] for event in job["events"]]
        self.journal.note("captured", kind=kind, key=key, events=told)
        return True


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code"))
    except ValueError:
        return answer.text[:40]


def document(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": {"eventList": events},
    }  # fmt: skip


def happened(**members: Any) -> dict[str, Any]:
    """An event of this moment."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": "ObjectEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", **members}


def packed(name: str) -> dict[str, Any]:
    """A bag that has never been seen before."""
    return happened(action="ADD", bizStep="commissioning", epcList=[f"urn:epc:id:sgtin:9521234.000107.{name}"])


# ------------------------------------------------------------------------------------------------------------ captures


class CaptureLoad:
    """Programs that capture documents of `size` events, all together `per_s` events a second if the node keeps up."""

    PROGRAMS = 4

    def __init__(self, client: Client, per_s: float, size: int) -> None:
        self._client, self._size = client, size
        self._every_s = size * self.PROGRAMS / per_s
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"program-{number}", daemon=True)
            for number in range(self.PROGRAMS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Returns once each has heard of its last document."""
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _run(self, program: int) -> None:
        due_s = time.monotonic()
        for number in count():
            if self._ends.is_set():
                return
            events = [packed(f"C{program}x{number}x{each}") for each in range(self._size)]
            try:
                self._client.capture("load", f"load {program} {number}", events)
            except GivenUp:
                return
            # Who was kept waiting does not catch up: what is meant is a rate, not a flood after each outage.
            due_s = max(due_s + self._every_s, time.monotonic() - self._every_s)
            if self._ends.wait(max(0.0, due_s - time.monotonic())):
                return


# -------------------------------------------------------------------------------------------------------------- orders


@dataclass
class Deal:
    """One order as the trader knows it. `asked` is how often each step was asked for."""

    number: str
    amount: int
    order: str
    state: str = "asked"
    since_s: float = field(default_factory=time.monotonic)
    asked: Counter[str] = field(default_factory=Counter)
    asked_at_s: float = 0.0


class Trader:
    """The roaster buys of the grower: proposes, has it accepted, funds it, and receives the goods, which pays them.

    A step that leads nowhere for a while is asked for again, as people would who see that nothing has happened.
    """

    OPEN_MAX = 200
    HANDS = 4
    LOOK_EVERY_S = 1.0
    PAGE = 500

    def __init__(self, roaster: Client, grower: Client, per_s: float, *, final_s: float) -> None:
        """`final_s` is how long a block takes to be final: goods travel longer, for a funding may be undone so long."""
        self._roaster, self._grower, self._every_s = roaster, grower, 1 / per_s
        self._travel_s, self._again_s = 1.7 * final_s, 6 * final_s
        self.deals: dict[str, Deal] = {}
        self._proposing, self._done = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("proposing", self._propose_on), ("trading", self._trade_on))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self, within_s: float) -> list[Deal]:
        """Begins nothing new, and goes on until all orders have ended. Those that have not, within that time."""
        self._proposing.set()
        self._threads[0].join()
        deadline_s = time.monotonic() + within_s
        while self.open() and time.monotonic() < deadline_s:
            time.sleep(0.2)
        self._done.set()
        self._threads[1].join()
        return self.open()

    def open(self) -> list[Deal]:
        with self._lock:
            return [deal for deal in self.deals.values() if deal.state != "ended"]

    def _propose_on(self) -> None:
        due_s = time.monotonic()
        for number in count():
            while len(self.open()) >= self.OPEN_MAX and not self._proposing.is_set():
                time.sleep(self._every_s)
            if self._proposing.wait(max(0.0, due_s - time.monotonic())):
                return
            try:
                self._propose(number)
            except GivenUp:
                return
            due_s = max(due_s + self._every_s, time.monotonic() - 1.0)

    def _propose(self, number: int) -> None:
        name, amount = f"F-{number}", 100_000 + number
        answer = self._roaster.ask("/orders", purchase_order(name, amount), f"propose {name}")
        if answer.status_code != 202:
            self._roaster.journal.note("order refused", number=name, status=answer.status_code, body=answer.text[:300])
            return
        order = answer.json()["order"]
        self._roaster.journal.note("proposed", number=name, order=order, amount=amount)
        with self._lock:
            self.deals[order] = Deal(name, amount, order)

    def _trade_on(self) -> None:
        with ThreadPoolExecutor(self.HANDS) as hands:
            while not self._done.wait(self.LOOK_EVERY_S):
                asked = [hands.submit(step) for deal in self._seen() if (step := self._next(deal)) is not None]
                for each in asked:
                    with suppress(GivenUp):
                        each.result()

    def _seen(self) -> list[Deal]:
        """The open deals, with the states in which the node's lists show them: one that had ended may be open again."""
        for state in ("ended", "funded", "accepted", "proposed"):
            page = self._roaster.look(f"/orders?state={state}&limit={self.PAGE}")
            for line in page or ():
                deal = self.deals.get(line["order"])
                if deal is not None and deal.state != state:
                    deal.state, deal.since_s, deal.asked_at_s = state, time.monotonic(), 0.0
        return self.open()

    def _next(self, deal: Deal) -> Callable[[], None] | None:
        """What is to be done about it now, if anything."""
        now_s = time.monotonic()
        if now_s - deal.asked_at_s < self._again_s:
            return None
        match deal.state:
            case "proposed":
                return partial(self._step, self._grower, deal, "accept")
            case "accepted":
                return partial(self._step, self._roaster, deal, "fund")
            case "funded" if now_s - deal.since_s >= self._travel_s:
                return partial(self._receive, deal)
            case _:
                return None

    def _step(self, client: Client, deal: Deal, step: str) -> None:
        key = self._key(deal, step)
        answer = client.ask(f"/orders/{deal.order}/{step}", {}, key)
        client.journal.note(step, order=deal.order, status=answer.status_code)

    def _receive(self, deal: Deal) -> None:
        self._roaster.capture("receipt", self._key(deal, "receive"), [received(deal.number)])
        self._roaster.journal.note("received", order=deal.order)

    def _key(self, deal: Deal, step: str) -> str:
        deal.asked[step] += 1
        deal.asked_at_s = time.monotonic()
        return f"{step} {deal.number} {deal.asked[step]}"


def purchase_order(number: str, hundredths: int) -> dict[str, Any]:
    def day(days: int) -> str:
        return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")

    milestone = {
        "products": [COFFEE], "quantity": 100, "uom": "KGM", "amount": f"{hundredths // 100}.{hundredths % 100:02}",
        "readPoints": [WAREHOUSE], "due": day(5), "grace": "1d",
    }  # fmt: skip
    return {
        "buyer": "roaster", "seller": "grower", "currency": "XTS", "fundBy": day(2), "references": [number],
        "milestones": [milestone],
    }  # fmt: skip


def received(number: str) -> dict[str, Any]:
    business = [
        {"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234500018:{number}"},
        {"type": "desadv", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234500001:DA-{number}"},
    ]
    return happened(
        action="OBSERVE", bizStep="receiving", disposition="in_progress", readPoint={"id": WAREHOUSE},
        bizTransactionList=business, quantityList=[{"epcClass": COFFEE, "quantity": 100, "uom": "KGM"}],
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- probe


@dataclass
class Probe:
    """Asks, after a fault, whether all is well again: a new event is final, and nothing lags behind."""

    client: Client
    numbers: Iterator[int] = field(default_factory=count)
    keys: Iterator[int] = field(default_factory=count)
    LAG_BLOCKS_MAX = 8
    OLDEST_S_MAX = 15.0

    def await_recovery(self, within_s: float, meanwhile: Callable[[], None]) -> float | None:
        """When (time.monotonic()) that was so, for an event captured from now on; None where it was not in time.

        `meanwhile` is called all along.
        """
        deadline_s = time.monotonic() + within_s
        location: str | None = None
        body, key = document([packed(f"P{next(self.numbers)}")]), ""
        while time.monotonic() < deadline_s:
            meanwhile()
            if location is None:
                key = key or f"probe {next(self.keys)}"
                location, key = self._captured(body, key)
            elif self._is_final(location) and self._is_lag_normal():
                return time.monotonic()
            else:
                time.sleep(0.1)
        return None

    def _captured(self, body: dict[str, Any], key: str) -> tuple[str | None, str]:
        """Where the capture is, once it is; and the key to ask again with, none where a new one is needed."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        answer = self.client.attempt("POST", "/capture", content=json.dumps(body).encode(), headers=headers)
        if answer is not None and self.client.is_accepted(answer, "probe", key):
            return answer.headers["Location"], key
        time.sleep(0.1)
        return None, key if answer is None else ""

    def _is_final(self, location: str) -> bool:
        job = self.client.look(location)
        return job is not None and {event["status"] for event in job["events"]} == {"final"}

    def _is_lag_normal(self) -> bool:
        answer = self.client.attempt("GET", "/metrics")
        if answer is None:
            return False
        found = dict(line.split(" ")[:2] for line in answer.text.splitlines() if line and not line.startswith("#"))
        lag, oldest_s = found.get("tally_follower_lag_blocks"), found.get("tally_unanchored_oldest_seconds")
        return lag is not None and float(lag) <= self.LAG_BLOCKS_MAX and float(oldest_s or 0) <= self.OLDEST_S_MAX
