"""The table of GS1 keys: how each is written in a Digital Link, and which EPC URN scheme stands for it.

One row a key, one row a URN scheme; `urn.py` and `digital_link.py` read and write by these rows alone.
"""

from __future__ import annotations

from re import Pattern
from typing import Final, NamedTuple

from traceability.identifiers.characters import DIGITS, SET_39, SET_82

ROOT: Final = "https://id.gs1.org/"


class Field(NamedTuple):
    """A value of free length: its name, the characters it may have, and how many at most."""

    name: str
    characters: Pattern[str]
    length_max: int


class KeyForm(NamedTuple):
    """A GS1 key as its application identifier's value in a Digital Link.

    `digits` is how many digits the value begins with, the last being their check digit (0: the key has none);
    `rest` is what may follow them in the same value; `paths` are the orders in which qualifiers may follow.
    """

    key: str
    digits: int
    rest: Field | None = None
    rest_needed: bool = False
    paths: tuple[tuple[str, ...], ...] = ()


class Scheme(NamedTuple):
    """An EPC URN scheme (`id:sgtin`): the key it spells, and how its components make up the key's number.

    `digits` counts company prefix and reference together, without check digit (0: free text, as in giai); `indicator`
    says that the reference's first digit stands before the prefix in the key; `lead` is put before the number.
    `serial` is where the last component goes: a qualifier's identifier, "rest" (same value), or "" (there is none).
    """

    ai: str
    digits: int
    indicator: bool = False
    lead: str = ""
    serial: str = ""
    is_class: bool = False


QUALIFIERS: Final[dict[str, Field]] = {
    "22": Field("variant", SET_82, 20),
    "10": Field("lot", SET_82, 20),
    "21": Field("serial", SET_82, 20),
    "235": Field("serial", SET_82, 28),
    "254": Field("extension", SET_82, 20),
    "8011": Field("serial", DIGITS, 12),
}

_FREE = Field("reference", SET_82, 30)

KEYS: Final[dict[str, KeyForm]] = {
    "00": KeyForm("SSCC", 18),
    "01": KeyForm("GTIN", 14, paths=(("22", "10", "21"), ("235",))),
    "253": KeyForm("GDTI", 13, Field("serial", SET_82, 17)),
    "255": KeyForm("GCN", 13, Field("serial", DIGITS, 12)),
    "401": KeyForm("GINC", 0, _FREE),
    "402": KeyForm("GSIN", 17),
    "414": KeyForm("GLN", 13, paths=(("254",),)),
    "417": KeyForm("PGLN", 13),
    "8003": KeyForm("GRAI", 14, Field("serial", SET_82, 16)),
    "8004": KeyForm("GIAI", 0, _FREE),
    "8006": KeyForm("ITIP", 14, Field("pieces", DIGITS, 4), rest_needed=True, paths=(("22", "10", "21"),)),
    "8010": KeyForm("CPID", 0, Field("reference", SET_39, 30), paths=(("8011",),)),
    "8017": KeyForm("GSRNP", 18),
    "8018": KeyForm("GSRN", 18),
}

GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})

SHORT_NAMES: Final[dict[str, str]] = {
    "sscc": "00",
    "gtin": "01",
    "gdti": "253",
    "gcn": "255",
    "ginc": "401",
    "gsin": "402",
    "gln": "414",
    "party": "417",
    "grai": "8003",
    "giai": "8004",
    "itip": "8006",
    "cpid": "8010",
    "gsrnp": "8017",
    "gsrn": "8018",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
    "glnx": "254",
    "cpsn": "8011",
}
"""The words that Digital Link 1.1 allowed in place of the numbers; they are still in use."""

URN_SCHEMES: Final[dict[str, Scheme]] = {
    "id:sgtin": Scheme("01", 13, indicator=True, serial="21"),
    "id:sscc": Scheme("00", 17, indicator=True),
    "id:sgln": Scheme("414", 12, serial="254"),
    "id:grai": Scheme("8003", 12, lead="0", serial="rest"),
    "id:giai": Scheme("8004", 0),
    "id:gsrn": Scheme("8018", 17),
    "id:gsrnp": Scheme("8017", 17),
    "id:gdti": Scheme("253", 12, serial="rest"),
    "id:cpi": Scheme("8010", 0, serial="8011"),
    "id:sgcn": Scheme("255", 12, serial="rest"),
    "id:ginc": Scheme("401", 0),
    "id:gsin": Scheme("402", 16),
    "id:itip": Scheme("8006", 13, indicator=True, serial="21"),
    "id:upui": Scheme("01", 13, indicator=True, serial="235"),
    "id:pgln": Scheme("417", 12),
    "class:lgtin": Scheme("01", 13, indicator=True, serial="10", is_class=True),
    "idpat:sgtin": Scheme("01", 13, indicator=True, serial="*", is_class=True),
    "idpat:grai": Scheme("8003", 12, lead="0", serial="*", is_class=True),
    "idpat:gdti": Scheme("253", 12, serial="*", is_class=True),
    "idpat:cpi": Scheme("8010", 0, serial="*", is_class=True),
    "idpat:sgcn": Scheme("255", 12, serial="*", is_class=True),
    "idpat:itip": Scheme("8006", 13, indicator=True, serial="*", is_class=True),
    "idpat:upui": Scheme("01", 13, indicator=True, serial="*", is_class=True),
}

COMPANY_PREFIX_LENGTHS: Final = range(6, 13)


class Key(NamedTuple):
    """A GS1 key as read from either spelling, values decoded.

    `digits` includes the check digit; `rest` follows it in the same value; the qualifier is the finest that was named.
    """

    ai: str
    digits: str
    rest: str = ""
    qualifier_ai: str = ""
    qualifier: str = ""

    def scheme_name(self) -> str | None:
        """The EPC URN scheme that spells this key, None where there is none (an ITIP with a lot)."""
        return _SCHEME_OF.get((self.ai, self.qualifier_ai, bool(self.rest) and self.ai in _SERIAL_IN_VALUE))


_SERIAL_IN_VALUE: Final = frozenset({"253", "255", "8003"})


def _scheme_of() -> dict[tuple[str, str, bool], str]:
    found: dict[tuple[str, str, bool], str] = {}
    for name, scheme in URN_SCHEMES.items():
        qualifier = scheme.serial if scheme.serial in QUALIFIERS else ""
        # The first wins: a GTIN without serial is idpat:sgtin, which idpat:upui spells too.
        found.setdefault((scheme.ai, qualifier, scheme.serial == "rest"), name)
    found["414", "", False] = "id:sgln"
    return found


_SCHEME_OF: Final = _scheme_of()
