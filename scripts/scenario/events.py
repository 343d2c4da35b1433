"""EPCIS 2.0 events as plain JSON, with what every event of this story has: when, where, and the place's coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from scripts.scenario import gs1
from scripts.scenario.diary import Event, Lot
from scripts.scenario.parties import Party, Place


def event(kind: str, at: datetime, place: Place, step: str | None, **members: Any) -> Event:
    """An event of `kind` at the place's own local time. `members` are the other EPCIS members, as they are named.

    `step` is None where none of CBV's business steps is meant: an order moves nothing.
    """
    offset = at.strftime("%z")
    return {
        "type": kind,
        "eventTime": at.isoformat(),
        "eventTimeZoneOffset": f"{offset[:3]}:{offset[3:]}",
        **({} if step is None else {"bizStep": step}),
        "readPoint": {"id": place.sgln},
        **members,
        "coffee:position": place.geo,
    }


def quantity(lot: Lot, kilograms: float | None = None) -> dict[str, Any]:
    """So many kilograms of the lot, all of it by default."""
    value = lot.kilograms if kilograms is None else kilograms
    return {"epcClass": lot.epc_class, "quantity": int(value) if value == int(value) else value, "uom": "KGM"}


def located(place: Place) -> dict[str, Any]:
    """Where the goods are after the event."""
    return {"bizLocation": {"id": place.sgln}}


def transactions(**identifiers: str) -> dict[str, Any]:
    """The business transactions that the event belongs to, by CBV type (po, desadv, bol, cert ...)."""
    return {"bizTransactionList": [{"type": kind, "bizTransaction": named} for kind, named in identifiers.items()]}


def purchase_order(buyer: Party, number: str) -> str:
    """A purchase order under its buyer's GLN."""
    return gs1.business_transaction(buyer.gln, number)


def despatch_advice(shipper: Party, number: str) -> str:
    """A despatch advice under its shipper's GLN."""
    return gs1.business_transaction(shipper.gln, number)


def hand_over(giver: Party, taker: Party, *, kind: str = "owning_party") -> dict[str, Any]:
    """From whom to whom; `kind` is possessing_party where the goods stay somebody else's."""
    return {
        "sourceList": [{"type": kind, "source": giver.pgln}],
        "destinationList": [{"type": kind, "destination": taker.pgln}],
    }


def reading(kind: str, value: float, uom: str, **members: Any) -> dict[str, Any]:
    """One sensor report; `uom` is a code of UN/ECE Recommendation 20."""
    return {"type": kind, "value": value, "uom": uom, **members}


def sensed(at: datetime, device: str, reports: Sequence[dict[str, Any]], **metadata: Any) -> dict[str, Any]:
    """A sensor element list with one element: what `device` measured at that time."""
    element = {"sensorMetadata": {"time": at.isoformat(), "deviceID": device, **metadata}, "sensorReport": [*reports]}
    return {"sensorElementList": [element]}
