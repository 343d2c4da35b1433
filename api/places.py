"""What places are called: the master data that parties hand in with their events (EPCIS 2.0, 7.1.2; CBV 2.0, 10.2).

Nothing signs master data, so that a name proves nothing. A party's own word counts for its events; another's only where
nobody says otherwise.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlmodel import Session, SQLModel

from traceability.identifiers import canonical
from traceability.tables import CaptureJobRow

_NAMESPACES = ("urn:epcglobal:cbv:mda:", "https://ref.gs1.org/cbv/", "cbvmda:", "cbv:")
_LOCATIONS = ("Location", "ReadPoint")
# No envelope with master data is shorter; most without are, and are not read.
_ENVELOPE_BYTES_MIN = 200
_jobs = SQLModel.metadata.tables[str(CaptureJobRow.__tablename__)].c


@dataclass(frozen=True, slots=True)
class Place:
    """What a party says of a place. Coordinates in degrees, WGS 84."""

    name: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None

    def words(self) -> str | None:
        """Name and town, as far as they are there."""
        return ", ".join(dict.fromkeys(part for part in (self.name, self.city) if part)) or None


class Places:
    """The places that this node has been told of. Reads each capture job once; safe for several threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, str], Place] = {}
        self._told: dict[str, set[Place]] = defaultdict(set)
        self._newest_job = 0
        self._lock = threading.Lock()

    def refresh(self, session: Session) -> None:
        """Learn what has been handed in since."""
        with self._lock:
            newest = session.execute(select(func.max(_jobs.id))).scalar() or 0
            if newest == self._newest_job:
                return
            wanted = (_jobs.id > self._newest_job, func.length(_jobs.envelope) >= _ENVELOPE_BYTES_MIN)
            for party, envelope in session.execute(
                select(_jobs.party, _jobs.envelope).where(*wanted).order_by(_jobs.id)
            ):
                if b"epcisMasterData" in envelope:
                    self._learn(bytes(party), orjson.loads(envelope))
            self._newest_job = newest

    def named(self, party: bytes, identifier: str) -> Place | None:
        """What the party says of the place; where it says nothing, what all others agree on."""
        place = canonical(identifier)
        own = self._known.get((party, place))
        others = self._told.get(place, set())
        return own or (next(iter(others)) if len(others) == 1 else None)

    def _learn(self, party: bytes, envelope: dict[str, Any]) -> None:
        # The schema has checked an EPCIS header down to here.
        for vocabulary in envelope["epcisHeader"]["epcisMasterData"]["vocabularyList"]:
            if not str(vocabulary.get("type")).endswith(_LOCATIONS):
                continue
            for element in vocabulary.get("vocabularyElementList", ()):
                attributes = {_bare(each["id"]): each.get("attribute") for each in element.get("attributes", ())}
                place = canonical(str(element["id"]))
                self._known[party, place] = _place(attributes)
                self._told[place].add(self._known[party, place])


def _bare(name: str) -> str:
    """A CBV attribute without its namespace: `cbvmda:name` is name."""
    return next((name.removeprefix(each) for each in _NAMESPACES if name.startswith(each)), name)


def _place(attributes: dict[str, Any]) -> Place:
    def text(name: str) -> str | None:
        value = attributes.get(name)
        return value if isinstance(value, str) else None

    return Place(text("name"), text("city"), text("countryCode"), _degrees(attributes.get("latitude"), 90.0),
                 _degrees(attributes.get("longitude"), 180.0))  # fmt: skip


def _degrees(value: Any, size_max: float) -> float | None:
    """The number in degrees; written as a text too. None for what is none."""
    try:
        degrees = float(value)
    except (TypeError, ValueError):
        return None
    return degrees if -size_max <= degrees <= size_max else None
