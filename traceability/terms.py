"""The terms document: which events count as deliveries of an order, and for how much. Data, not code per customer.

Its SHA-256 stands in the order's terms on chain; whoever attests has the file. docs/terms-document.md is the format,
for whoever reads it in another language. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from ledger.errors import InvalidHex
from ledger.hexadecimal import from_hex, to_hex
from traceability import strict_json
from traceability.epcis.canonical import canonical_json
from traceability.epcis.terms import BUSINESS_STEPS, DISPOSITIONS
from traceability.errors import BadTermsDocument, InvalidIdentifier, MalformedJson
from traceability.identifiers import Identifier, canonical, has_check_digit, parse

FORMAT: Final = "tallystick-terms/1"
BYTES_MAX: Final = 1 << 20
REFERENCES_MAX: Final = 32
MILESTONES_MAX: Final = 16
PRODUCTS_MAX: Final = 256
READ_POINTS_MAX: Final = 64
TEXT_MAX: Final = 500
DECIMALS_MAX: Final = 18
PIECES: Final = frozenset({"C62", "EA", "H87"})
"""Units in which things are counted (UN/ECE Recommendation 20: one, each, piece), so that an EPC is one of them."""

_PURCHASE_ORDER: Final = re.compile(r"urn:epcglobal:cbv:bt:([0-9]{13}):[!-~]+")
_WEB_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.\-]+(?::[0-9]+)?(?:[/?#][!-~]*)?")
_UNIT: Final = re.compile(r"[A-Z0-9]{2,3}")
_EXTENSION: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!-~]+")
_Word = TypeVar("_Word", bound=StrEnum)


class DeliveryName(StrEnum):
    """What names a delivery: the despatch advice (bizTransaction type desadv), or the logistic unit that it came in."""

    DESPATCH_ADVICE = "despatch_advice"
    SSCC = "sscc"


class Outcome(StrEnum):
    """What a disposition means: the goods are taken, or none of them is."""

    ACCEPT = "accept"
    REJECT = "reject"


class DeductionUnit(StrEnum):
    """In what the field of a deduction is counted."""

    PERCENT = "percent"
    BASIS_POINTS = "basis_points"


@dataclass(frozen=True, slots=True)
class Deduction:
    """The event's extension that states a deduction for quality. `field` is its name as an IRI."""

    field: str
    unit: DeductionUnit


@dataclass(frozen=True, slots=True)
class MilestoneRule:
    """What counts as a delivery to one milestone, of which the order on chain has amount, quantity and times.

    `products` are GTINs, lots and serial numbers; `decimals` says in what `ordered` is counted: uom x 10^-decimals.
    """

    business_step: str
    products: tuple[str, ...]
    uom: str
    decimals: int
    read_points: tuple[str, ...]
    dispositions: Mapping[str, Outcome]
    deduction: Deduction | None = None

    def covers(self, thing: str) -> bool:
        """Whether a thing in canonical form is one of the products, or of one of these kinds."""
        # In canonical form a lot or serial number stands below its GTIN, and nothing else does.
        return any(thing == own or thing.startswith(f"{own}/") for own in map(canonical, self.products))


@dataclass(frozen=True, slots=True)
class TermsDocument:
    """The terms document of one order. `salt` keeps others from guessing the deliveries' names on chain."""

    references: tuple[str, ...]
    delivery: DeliveryName
    salt: bytes
    milestones: tuple[MilestoneRule, ...]

    @property
    def reference_keys(self) -> frozenset[str]:
        """The references in the form in which they are compared, and found in the store."""
        return frozenset(map(canonical, self.references))


def parse_terms(data: bytes) -> TermsDocument:
    """The terms document in a file's bytes, in whatever spelling of JSON. Raises BadTermsDocument: field and reason."""
    try:
        value = strict_json.parse(data, bytes_max=BYTES_MAX)
    except MalformedJson as error:
        raise BadTermsDocument("", f"is no JSON as it is taken here: {error.reason}") from error
    members = _members(value, "", {"format", "references", "delivery", "salt", "milestones"})
    if members["format"] != FORMAT:
        raise BadTermsDocument("format", f"is not {FORMAT!r}")
    document = TermsDocument(
        references=_listed(members["references"], "references", REFERENCES_MAX, _reference),
        delivery=_word(members["delivery"], "delivery", DeliveryName),
        salt=_salt(members["salt"]),
        milestones=tuple(_milestones(members["milestones"])),
    )
    check_document(document)
    return document


def check_document(document: TermsDocument) -> None:
    """Returns for a document that `parse_terms` would give. Else raises BadTermsDocument: field and reason.

    For those who make one from something else than its file.
    """
    if len(document.salt) != 32 or not any(document.salt):
        raise BadTermsDocument("salt", "is not 32 bytes, or is zero: draw them at random")
    _check_each(document.references, "references", REFERENCES_MAX, _reference)
    if not 1 <= len(document.milestones) <= MILESTONES_MAX:
        raise BadTermsDocument("milestones", f"are not 1 to {MILESTONES_MAX}")
    for index, rule in enumerate(document.milestones):
        _check_rule(rule, f"milestones/{index}")


def terms_bytes(document: TermsDocument) -> bytes:
    """The document as its file: canonical JSON (RFC 8785), the same bytes for the same terms."""
    return canonical_json(
        {
            "format": FORMAT,
            "references": list(document.references),
            "delivery": document.delivery.value,
            "salt": to_hex(document.salt),
            "milestones": [_rule_json(rule) for rule in document.milestones],
        }
    )


def document_hash(document: TermsDocument) -> bytes:
    """SHA-256 (32 bytes) of the canonical file: what the order on chain holds."""
    return hashlib.sha256(terms_bytes(document)).digest()


def is_purchase_order_number(reference: str) -> bool:
    """Whether the reference is a number under its buyer's GLN (CBV 2.0, section 8.5.2).

    The same text may number an invoice too, so an event must say that it means the purchase order. GDTIs and web
    addresses name one document, whatever it is called.
    """
    return _PURCHASE_ORDER.fullmatch(reference) is not None


# ------------------------------------------------------------------------------------------------------- what it says


def _check_rule(rule: MilestoneRule, path: str) -> None:
    if rule.business_step not in BUSINESS_STEPS:
        raise BadTermsDocument(f"{path}/businessStep", f"{_shown(rule.business_step)} is no business step of CBV 2.0")
    _check_each(rule.products, f"{path}/products", PRODUCTS_MAX, _product)
    if not _UNIT.fullmatch(rule.uom):
        raise BadTermsDocument(f"{path}/uom", f"{_shown(rule.uom)} is no code of UN/ECE Recommendation 20, such as KGM")
    if not 0 <= rule.decimals <= DECIMALS_MAX:
        raise BadTermsDocument(f"{path}/decimals", f"is not 0 to {DECIMALS_MAX}")
    if rule.uom in PIECES and rule.decimals:
        raise BadTermsDocument(f"{path}/decimals", f"is not 0, and {rule.uom} counts whole pieces")
    _check_each(rule.read_points, f"{path}/readPoints", READ_POINTS_MAX, _read_point)
    for disposition in rule.dispositions:
        if disposition not in DISPOSITIONS:
            reason = f"{_shown(disposition)} is no disposition of CBV 2.0"
            raise BadTermsDocument(f"{path}/dispositions", reason)
    if Outcome.ACCEPT not in rule.dispositions.values():
        raise BadTermsDocument(f"{path}/dispositions", "has none that accepts: nothing could ever be paid")
    if rule.deduction is not None and not _EXTENSION.fullmatch(rule.deduction.field):
        reason = "is no IRI: give the extension's name with its namespace written out"
        raise BadTermsDocument(f"{path}/deduction/field", reason)


def _check_each(texts: tuple[str, ...], path: str, count_max: int, check: Callable[[str], None]) -> None:
    """Each text is good, and none stands there twice in whatever spelling."""
    if not 1 <= len(texts) <= count_max:
        raise BadTermsDocument(path, f"are not 1 to {count_max}")
    places: dict[str, int] = {}
    for index, text in enumerate(texts):
        try:
            check(text)
        except ValueError as wrong:
            raise BadTermsDocument(f"{path}/{index}", f"{_shown(text)} {wrong}") from None
        first = places.setdefault(canonical(text), index)
        if first != index:
            raise BadTermsDocument(f"{path}/{index}", f"is the same as number {first}")


def _reference(text: str) -> None:
    """Raises ValueError with the reason."""
    if text.startswith("urn:epcglobal:cbv:"):
        match = _PURCHASE_ORDER.fullmatch(text)
        if match is None or not has_check_digit(match[1]):
            raise ValueError("is no urn:epcglobal:cbv:bt:GLN:NUMBER with a valid GLN")
        return
    found = _key(text, "253")
    if found is None:
        if not _WEB_ADDRESS.fullmatch(text):
            raise ValueError("is no purchase order number under a GLN, GDTI or web address")
    elif found.key != "GDTI":
        raise ValueError(f"is a {found.key}, which names no document")
    elif not found.parts.get("serial") or found.is_class:
        raise ValueError("is a kind of document, without a serial number")


def _product(text: str) -> None:
    """Raises ValueError with the reason."""
    found = _key(text, "01")
    if found is None or found.key != "GTIN":
        raise ValueError("is no GTIN, lot or serial number of one, as EPC URN or GS1 Digital Link")


def _read_point(text: str) -> None:
    """Raises ValueError with the reason."""
    found = _key(text, "414")
    if found is None and not _WEB_ADDRESS.fullmatch(text):
        raise ValueError("is no GLN (SGLN) or web address")
    if found is not None and found.key != "GLN":
        raise ValueError(f"is a {found.key}, which names no place")


def _key(text: str, ai: str) -> Identifier | None:
    """The GS1 key that the text spells; None for a web address that spells none.

    Raises ValueError, also for a web address that tries to spell the key of that application identifier, and fails.
    """
    try:
        return parse(text)
    except InvalidIdentifier as wrong:
        if not text.startswith(("http://", "https://")) or "//id.gs1.org/" in text or f"/{ai}/" in text:
            raise ValueError(f"is no identifier: {wrong.reason}") from None
        return None


# ---------------------------------------------------------------------------------------------------- how it is read


def _milestones(value: Any) -> Iterator[MilestoneRule]:
    for index, entry in enumerate(_list(value, "milestones", MILESTONES_MAX)):
        path = f"milestones/{index}"
        required = {"businessStep", "products", "uom", "decimals", "readPoints", "dispositions"}
        members = _members(entry, path, required, {"deduction"})
        if type(members["decimals"]) is not int:
            raise BadTermsDocument(f"{path}/decimals", "is no whole number")
        yield MilestoneRule(
            business_step=_text(members["businessStep"], f"{path}/businessStep"),
            products=_listed(members["products"], f"{path}/products", PRODUCTS_MAX, _product),
            uom=_text(members["uom"], f"{path}/uom"),
            decimals=members["decimals"],
            read_points=_listed(members["readPoints"], f"{path}/readPoints", READ_POINTS_MAX, _read_point),
            dispositions=_dispositions(members["dispositions"], f"{path}/dispositions"),
            deduction=_deduction(members["deduction"], f"{path}/deduction") if "deduction" in members else None,
        )


def _dispositions(value: Any, path: str) -> dict[str, Outcome]:
    if not isinstance(value, dict) or not value:
        raise BadTermsDocument(path, "is no object of dispositions and what they mean")
    return {name: _word(meaning, f"{path}/{name[:40]}", Outcome) for name, meaning in value.items()}


def _deduction(value: Any, path: str) -> Deduction:
    members = _members(value, path, {"field", "unit"})
    return Deduction(_text(members["field"], f"{path}/field"), _word(members["unit"], f"{path}/unit", DeductionUnit))


def _salt(value: Any) -> bytes:
    try:
        return from_hex(value, 32)
    except InvalidHex:
        raise BadTermsDocument("salt", "is not 0x and 64 lower-case hex digits") from None


def _listed(value: Any, path: str, count_max: int, check: Callable[[str], None]) -> tuple[str, ...]:
    items = _list(value, path, count_max)
    texts = tuple(_text(item, f"{path}/{index}") for index, item in enumerate(items))
    _check_each(texts, path, count_max, check)
    return texts


def _list(value: Any, path: str, count_max: int) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= count_max:
        raise BadTermsDocument(path, f"is no list of 1 to {count_max}")
    return value


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX:
        raise BadTermsDocument(path, f"is no text of 1 to {TEXT_MAX} characters")
    return value


def _word(value: Any, path: str, words: type[_Word]) -> _Word:
    if not isinstance(value, str) or value not in set(words):
        raise BadTermsDocument(path, f"is not one of {', '.join(words)}")
    return words(value)


def _members(value: Any, path: str, required: set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    """The object itself, if it has these members and no other."""
    if not isinstance(value, dict):
        raise BadTermsDocument(path, "is no object")
    for name in sorted(required - value.keys()):
        raise BadTermsDocument(f"{path}/{name}".lstrip("/"), "is missing")
    for name in sorted(value.keys() - required - optional):
        raise BadTermsDocument(f"{path}/{name[:80]}".lstrip("/"), "is no field of a terms document")
    return value


def _rule_json(rule: MilestoneRule) -> dict[str, Any]:
    written: dict[str, Any] = {
        "businessStep": rule.business_step,
        "products": list(rule.products),
        "uom": rule.uom,
        "decimals": rule.decimals,
        "readPoints": list(rule.read_points),
        "dispositions": {name: outcome.value for name, outcome in rule.dispositions.items()},
    }
    if rule.deduction is not None:
        written["deduction"] = {"field": rule.deduction.field, "unit": rule.deduction.unit.value}
    return written


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
