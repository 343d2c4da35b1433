"""EPCIS documents for tests: every single-point mutation of a given one, and any number of generated ones.

Both are systematic rather than clever: they know the names and words of the standard, and nothing of what a schema
makes of them. The answer to "is this valid?" is GS1's own schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

GS1_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")

URIS = (
    "urn:epc:id:sgtin:952012.0345678.1001",
    "https://id.gs1.org/01/09520123456788/21/1001",
    "https://roaster.example/%E5%92%96?ver=1#a",
    "example:thing",
    "ni:///sha-256;87b5f18a69993f0052046d4687dfacdf48f7c988cfabda2819688c86b4066a49?ver=CBV2.0",
    "urn:x",
    "a:",
    "http://[2001:db8::1]:8080/",
    "mailto:grower@farm.example",
)
NO_URIS = (
    "",
    "thing",
    "//host.example/path",
    "/path",
    "http://exa mple.org/",
    "https://kaffee.example/größe",
    "urn:x:y\n",
    " urn:x:y",
    "1a:b",
    ":b",
    "http://[::1",
    "urn:%zz",
    "urn:a|b",
    "urn:epc:id:sgtin:{1}",
    "a_b:c",
)
CBV_URIS = (
    "urn:epcglobal:cbv:bizstep:shipping",
    "urn:epcglobal:cbv",
    "https://ns.gs1.org/cbv/BizStep-shipping",
    "http://ns.gs1.org/cbv/",
    "https://ns.gs1.org/cbv",
    "https://ref.gs1.org/cbv/BizStep-shipping",
    "https://gs1.org/voc/Temperature",
    "http://www.gs1.org/voc/",
    "https://www.gs1.org/vocabulary",
    "cbv:BizStep-shipping",
    "URN:epcglobal:cbv:disp:active",
    "x:urn:epcglobal:cbv",
)
TIMES = (
    "2026-11-24T08:30:00Z",
    "2026-11-24T08:30:00.123456789+08:00",
    "2024-02-29T23:59:59-00:00",
    "0001-01-01T00:00:00Z",
)
NO_TIMES = (
    "2026-11-24T08:30:00",
    "2026-11-24 08:30:00Z",
    "2026-11-24t08:30:00z",
    "2026-11-24",
    "08:30:00Z",
    "2026-02-29T08:30:00Z",
    "2026-13-01T08:30:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T08:30:60Z",
    "2026-12-31T23:59:60Z",
    "2026-11-24T08:30Z",
    "2026-11-24T08:30:00+0800",
    "2026-11-24T08:30:00+08",
    "2026-11-24T08:30:00+24:00",
    "2026-11-24T08:30:00+14:30",
    "2026-11-24T08:30:00.Z",
    "2026-11-24T08:30:00Z\n",
    "26-11-24T08:30:00Z",
    "+002026-11-24T08:30:00Z",
)
OFFSETS = ("+00:00", "-05:30", "+13:59", "-14:00", "+14:00")
NO_OFFSETS = (
    "00:00",
    "+14:01",
    "+0:00",
    "+01:60",
    "Z",
    "+01:00\n",
    "+01:00 ",
    "++01:00",
    "+15:00",
    "−01:00",
    "x14:00",
    "+0100",
)
ACTIONS = ("ADD", "OBSERVE", "DELETE")
NO_ACTIONS = ("add", "", "ADD ", "REMOVE", "xDELETE")
VERSIONS = ("2.0", "2", "2.0.1", "01")
NO_VERSIONS = ("2.", "v2", "", "2.0-beta", "2.0\n", "٢.٠")
UNITS = ("KGM", "C62", "LB", "4G")
NO_UNITS = ("kgm", "K", "KGMS", "", "KG ", "KGM\n", "ÄB")
HEXADECIMAL = ("f0f0f2", "ABC", "0")
NO_HEXADECIMAL = ("", "0x1", "xyz", "ab\n", "a b")
NO_TEXTS: tuple[Any, ...] = (None, True, 0, 1.5, [], {}, ["urn:x:y"], {"id": "urn:x:y"})
NO_NUMBERS: tuple[Any, ...] = (None, True, "1", [], {}, "NaN")

WORDS = {
    "bizStep": ("shipping", "accepting", "sampling", "void_shipping", "Shipping", "shippping", "active", "urn:x:step"),
    "disposition": ("active", "in_transit", "unknown", "ACTIVE", "activ", "shipping", "example:odd"),
    "bizTransactionType": ("po", "inv", "upevt", "PO", "order", "location", "urn:x:btt"),
    "sourceDestType": ("location", "owning_party", "possessing_party", "owner", "po", "urn:x:sdt"),
    "measurement": ("Temperature", "Wavenumber", "AbsoluteHumidity", "temperature", "Heat", "x", "gs1:Temperature"),
    "alert": ("ALARM_CONDITION", "ERROR_CONDITION", "ALARM", "alarm_condition", "urn:x:alert"),
    "component": ("x", "latitude", "polar_angle", "w", "Latitude", "example:x"),
    "reason": ("did_not_occur", "incorrect_data", "typo", "Incorrect_data", "urn:x:reason"),
}

STANDARD_NAMES = (
    *("@context", "type", "id", "eventTime", "eventTimeZoneOffset", "recordTime", "eventID", "errorDeclaration"),
    *("certificationInfo", "action", "epcList", "quantityList", "parentID", "childEPCs", "childQuantityList"),
    *("inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "transformationID", "bizStep"),
    *("disposition", "persistentDisposition", "readPoint", "bizLocation", "bizTransactionList", "sourceList"),
    *("destinationList", "sensorElementList", "ilmd", "sensorMetadata", "sensorReport", "epcClass", "quantity", "uom"),
    *("schemaVersion", "creationDate", "epcisHeader", "epcisBody", "eventList", "sender", "declarationTime", "reason"),
)
OTHER_NAMES = ("comment", "example:comment", "https://roaster.example/comment", "exämple:comment", "", ":", "a:", "@id")


# ---- mutations ----


def mutations(document: Any) -> Iterator[Any]:
    """The document with one thing changed, for every place and every kind of change.

    The same object is handed out each time, changed, and put right again afterwards: look, don't keep.
    """
    for container, key in list(_places(document)):
        original = container[key]
        for changed in _other_values(original):
            container[key] = changed
            yield document
        container[key] = original
        if isinstance(container, list):
            yield from _list_changes(document, container, key)
        else:
            yield from _member_changes(document, container, key)
    for container in list(_objects(document)):
        before = dict(container)
        for name in (*STANDARD_NAMES, *OTHER_NAMES):
            values: tuple[Any, ...] = () if name in before else ("urn:x:y", ["urn:x:y"], {})
            for value in values:
                container[name] = value
                yield document
                del container[name]


def _list_changes(document: Any, container: list[Any], index: int) -> Iterator[Any]:
    before = list(container)
    for changed in (
        [*before[:index], *before[index + 1 :]],
        [*before, before[index]],
        [*before[:index], None, *before[index:]],
    ):
        container[:] = changed
        yield document
    container[:] = before


def _member_changes(document: Any, container: dict[str, Any], name: str) -> Iterator[Any]:
    before = dict(container)
    for renamed in (None, name + "x", name.upper(), f"example:{name.replace(':', '-')}", f"@{name}"):
        container.clear()
        container.update({key: value for key, value in before.items() if key != name})
        if renamed is not None:
            container[renamed] = before[name]
        yield document
    container.clear()
    container.update(before)


def _other_values(value: Any) -> Iterator[Any]:
    yield from (None, True, False, 0, -1, 2.5, "", "text", "urn:x:y", [], {}, [value], {"id": "urn:x:y"}, ["urn:x:y"])
    if isinstance(value, str):
        yield from (
            value + "x",
            value + "\n",
            " " + value,
            value.upper(),
            value.replace("-", ":"),
            value[1:],
            value[:-1],
        )
        yield from (*NO_URIS, *CBV_URIS, *NO_TIMES, *TIMES, *NO_OFFSETS, *OFFSETS, *ACTIONS, *EVENT_TYPES)
        yield from (word for words in WORDS.values() for word in words)
    elif isinstance(value, list):
        yield from (value * 2, [*value, 1], value[0] if value else "text")
    elif isinstance(value, (int, float)):
        yield from (str(value), value * 1_000_000, "1e3")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a value with every key or index in it."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _objects(inner)


# ---- generated documents ----


class Generator:
    """Documents from a seed, two of five without fault, the others with one or two at any place alike.

    Each is drawn twice: first without fault, to count the places where one could be, then with it. A fault that fell
    with a fixed probability would mostly hide behind another one, or be missing, in documents of so different sizes.
    """

    def __init__(self, seed: int) -> None:
        self._seeds = Random(seed)
        self._random = Random()
        self._places = 0
        self._faults: frozenset[int] = frozenset()

    def document(self) -> Any:
        """A document, a query document or a single event."""
        seed, faults = self._seeds.random(), self._seeds.choice((0, 0, 1, 1, 2))
        self._draw(seed, frozenset())
        return self._draw(seed, frozenset(self._seeds.randrange(self._places) for _ in range(faults)))

    def _draw(self, seed: float, faults: frozenset[int]) -> Any:
        self._random.seed(seed)
        self._places, self._faults = 0, faults
        shape = self._random.random()
        if shape < 0.3:
            event = self.event()
            return {"@context": self._context()} | event if isinstance(event, dict) and not self._is_wrong() else event
        return self._document() if shape < 0.8 else self._query_document()

    def event(self) -> Any:
        """An event of any type, or what stands in an event's place."""
        event_type = self._random.choice(EVENT_TYPES)
        event = {
            "type": self._of((event_type,), (None, 1, "Event", "urn:x:event", "objectEvent", *EVENT_TYPES)),
            "eventTime": self._time(),
            "eventTimeZoneOffset": self._of(OFFSETS, (*NO_OFFSETS, *NO_TEXTS)),
            **self._some(0.3, recordTime=self._time, eventID=self._uri, errorDeclaration=self._error_declaration),
            **self._some(0.2, certificationInfo=lambda: self._uri() if self._maybe(0.5) else self._uris()),
            **self._some(0.05, **{"@context": self._context}),
            **self._own(event_type),
            **self._some(
                0.4,
                bizStep=lambda: self._word("bizStep"),
                disposition=lambda: self._word("disposition"),
                readPoint=lambda: self._extended({"id": self._uri()}),
                bizLocation=lambda: self._extended({"id": self._uri()}),
                sourceList=lambda: self._list(lambda: self._party("source")),
                destinationList=lambda: self._list(lambda: self._party("destination")),
            ),
            **self._some(0.25, sensorElementList=lambda: self._list(self._sensor_element)),
        }
        return self._extended(self._disturbed(event))

    def _own(self, event_type: str) -> dict[str, Any]:
        transactions = {"bizTransactionList": lambda: self._list(self._transaction)}
        action = {"action": self._of(ACTIONS, (*NO_ACTIONS, *NO_TEXTS))}
        if event_type == "ObjectEvent":
            members = {"epcList": self._uris, "quantityList": self._quantities}
            rest = {"ilmd": self._ilmd, "persistentDisposition": self._persistent_disposition}
            return action | self._some(0.8, **members) | self._some(0.2, **transactions, **rest)
        if event_type == "TransactionEvent":
            members = {"epcList": self._uris, "quantityList": self._quantities, "parentID": self._uri}
            return action | self._some(0.97, **transactions) | self._some(0.8, **members)
        if event_type == "TransformationEvent":
            inputs = {"inputEPCList": self._uris, "inputQuantityList": self._quantities}
            outputs = {"outputEPCList": self._uris, "outputQuantityList": self._quantities}
            rest = {
                "ilmd": self._ilmd,
                "persistentDisposition": self._persistent_disposition,
                "transformationID": self._uri,
            }
            return self._some(0.8, **inputs, **outputs) | self._some(0.2, **transactions, **rest)
        members = {"childEPCs": self._uris, "childQuantityList": self._quantities}
        parent = self._some(0.98 if event_type == "AssociationEvent" else 0.6, parentID=self._uri)
        return action | parent | self._some(0.8, **members) | self._some(0.3, **transactions)

    def _document(self) -> Any:
        body = {"eventList": self._list(self.event, most=3)}
        document = {
            "@context": self._context(),
            "type": self._of(("EPCISDocument",), ("EPCISQueryDocument", "document", None, "urn:x:document")),
            "schemaVersion": self._of(VERSIONS, (*NO_VERSIONS, *NO_TEXTS)),
            "creationDate": self._time(),
            "epcisBody": self._of((self._disturbed(body),), NO_TEXTS),
            **self._some(0.1, id=self._uri, sender=self._text, receiver=self._text, instanceIdentifier=self._text),
            **self._some(0.1, epcisHeader=self._header),
        }
        return self._extended(self._disturbed(document))

    def _query_document(self) -> Any:
        results = {"eventList": self._list(self.event, most=2), **self._some(0.2, vocabularyList=self._vocabularies)}
        query = {
            "queryName": self._text(),
            "resultsBody": self._extended(self._disturbed(results)),
            **self._some(0.3, subscriptionID=self._text),
        }
        document = {
            "@context": self._context(),
            "type": "EPCISQueryDocument",
            "epcisBody": self._extended(self._disturbed({"queryResults": self._extended(self._disturbed(query))})),
            **self._some(0.7, schemaVersion=lambda: self._of(VERSIONS, NO_VERSIONS), creationDate=self._time),
            **self._some(0.2, id=self._uri),
        }
        return self._extended(self._disturbed(document))

    def _header(self) -> Any:
        data = self._of((self._some(0.9, vocabularyList=self._vocabularies),), NO_TEXTS)
        return self._extended(self._some(0.9, epcisMasterData=lambda: data))

    def _vocabularies(self) -> Any:
        def attribute() -> Any:
            return self._disturbed(
                {"id": self._uri()} | self._some(0.8, attribute=lambda: self._of((1, "a", {}), (None, [])))
            )

        def element() -> Any:
            members = {"attributes": lambda: self._list(attribute), "children": self._uris}
            return self._disturbed({"id": self._uri()} | self._some(0.8, **members))

        def vocabulary() -> Any:
            return self._disturbed(
                {"type": self._uri()} | self._some(0.8, vocabularyElementList=lambda: self._list(element))
            )

        return self._list(vocabulary)

    def _error_declaration(self) -> Any:
        members = {"reason": lambda: self._word("reason"), "correctiveEventIDs": self._uris}
        return self._extended(self._disturbed({"declarationTime": self._time()} | self._some(0.5, **members)))

    def _persistent_disposition(self) -> Any:
        words = {name: lambda: self._list(lambda: self._word("disposition"), least=1) for name in ("set", "unset")}
        return self._disturbed(self._some(0.85, **words))

    def _ilmd(self) -> Any:
        names = {"cbvmda:lotNumber": "A1", "example:cuppingScore": 86.5}
        return self._of((names, {}), (*NO_TEXTS, {"lotNumber": "A1"}, {"größe:x": 1}))

    def _quantities(self) -> Any:
        def quantity() -> Any:
            unit = self._of(UNITS, (*NO_UNITS, *NO_TEXTS))
            return self._disturbed({"epcClass": self._uri()} | self._some(0.7, quantity=self._number, uom=lambda: unit))

        return self._list(quantity)

    def _transaction(self) -> Any:
        return self._disturbed(
            {"bizTransaction": self._uri()} | self._some(0.8, type=lambda: self._word("bizTransactionType"))
        )

    def _party(self, name: str) -> Any:
        return self._disturbed({"type": self._word("sourceDestType"), name: self._uri()})

    def _sensor_element(self) -> Any:
        times = dict.fromkeys(("time", "startTime", "endTime"), self._time)
        addresses = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
        metadata = self._some(0.3, **times, **dict.fromkeys(addresses, self._uri))
        element = {"sensorReport": self._list(self._sensor_report, least=1)}
        return self._extended(
            self._disturbed(element | self._some(0.6, sensorMetadata=lambda: self._extended(metadata)))
        )

    def _sensor_report(self) -> Any:
        numbers = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
        addresses = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules", "uriValue")
        substances = ("microorganism", "chemicalSubstance", "coordinateReferenceSystem")
        report = {
            "type": self._word("measurement"),
            **self._some(0.2, **dict.fromkeys(numbers, self._number)),
            **self._some(0.1, **dict.fromkeys((*addresses, *substances), self._uri)),
            **self._some(
                0.2,
                time=self._time,
                uom=self._text,
                stringValue=self._text,
                booleanValue=lambda: self._of((True, False), ("true", 1, None)),
                hexBinaryValue=lambda: self._of(HEXADECIMAL, (*NO_HEXADECIMAL, *NO_TEXTS)),
                component=lambda: self._word("component"),
                exception=lambda: self._word("alert"),
            ),
        }
        return self._extended(self._disturbed(report))

    def _context(self) -> Any:
        lists: tuple[Any, ...] = (
            [GS1_CONTEXT, {"example": "https://roaster.example/"}],
            [GS1_CONTEXT],
            GS1_CONTEXT,
            {"a": "urn:x:"},
            [],
        )
        bad: tuple[Any, ...] = (
            None,
            1,
            "context",
            [1],
            [GS1_CONTEXT, GS1_CONTEXT],
            ["context"],
            [{"a": 1}, {"a": 1.0}],
            [[]],
            True,
        )
        return self._of(lists, bad)

    def _word(self, field: str) -> Any:
        return self._of(WORDS[field][:2], (*WORDS[field][2:], *NO_TEXTS, *CBV_URIS, *NO_URIS))

    def _uri(self) -> Any:
        return self._of((*URIS, *CBV_URIS), (*NO_URIS, *NO_TEXTS))

    def _uris(self) -> Any:
        return self._list(self._uri)

    def _time(self) -> Any:
        return self._of(TIMES, (*NO_TIMES, *NO_TEXTS))

    def _text(self) -> Any:
        return self._of(("", "text", "größe"), NO_TEXTS)

    def _number(self) -> Any:
        return self._of((0, 12, -4.5, 1e3), NO_NUMBERS)

    def _list(self, item: Callable[[], Any], least: int = 0, most: int = 3) -> Any:
        items = [item() for _ in range(self._random.randint(1 if self._maybe(0.85) else least, most))]
        return self._of((items,), ({}, "text", None, items * 2, [*items, None], []))

    def _some(self, share: float, **members: Callable[[], Any]) -> dict[str, Any]:
        return {name: value() for name, value in members.items() if self._maybe(share)}

    def _extended(self, members: Any) -> Any:
        """Sometimes with a member more: mostly an extension, seldom one that does not belong there."""
        if isinstance(members, dict) and self._maybe(0.05):
            members["example:note"] = self._random.choice(("text", 1, None, {"example:a": [1]}, ["a", {"b": 1}]))
        if isinstance(members, dict) and self._is_wrong():
            members.setdefault(
                self._random.choice((*STANDARD_NAMES, *OTHER_NAMES)), self._random.choice(("urn:x:y", [], 1))
            )
        return members

    def _disturbed(self, members: dict[str, Any]) -> Any:
        """Sometimes without one of its members, or something else altogether."""
        if self._is_wrong() and members:
            del members[self._random.choice(list(members))]
        return self._random.choice(NO_TEXTS) if self._is_wrong() else members

    def _of(self, right: tuple[Any, ...], wrong: tuple[Any, ...]) -> Any:
        return self._random.choice(wrong if self._is_wrong() else right)

    def _is_wrong(self) -> bool:
        """True at a place where the document is to have a fault."""
        self._places += 1
        return self._places - 1 in self._faults

    def _maybe(self, share: float) -> bool:
        return self._random.random() < share
