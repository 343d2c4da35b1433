"""EPC URNs of the story's things. Every company prefix begins with 952, GS1's prefix for demonstrations."""

from __future__ import annotations

from traceability.identifiers import check_digit, parse


def gln(prefix: str, location: int = 0) -> str:
    """A Global Location Number: 13 digits, the last one its check digit. `prefix` has 7 digits."""
    digits = f"{prefix}{location:05}"
    return f"{digits}{check_digit(digits)}"


def pgln(prefix: str) -> str:
    """The party itself, as source or destination."""
    return f"urn:epc:id:pgln:{prefix}.00000"


def sgln(prefix: str, location: int, extension: str = "0") -> str:
    """A place of the party; `extension` names a spot inside it."""
    return f"urn:epc:id:sgln:{prefix}.{location:05}.{extension}"


def sgtin(prefix: str, item: int, serial: str, *, indicator: int = 0) -> str:
    """One trade item: a retail bag with indicator 0, a case of them with 1."""
    return f"urn:epc:id:sgtin:{prefix}.{indicator}{item:05}.{serial}"


def gtin(prefix: str, item: int, *, indicator: int = 0) -> str:
    """A trade item, whichever lot or piece of it: its GS1 Digital Link."""
    return parse(sgtin(prefix, item, "1", indicator=indicator)).digital_link.split("/21/")[0]


def lgtin(prefix: str, item: int, lot: str) -> str:
    """A lot of a trade item: what is counted in kilograms."""
    return f"urn:epc:class:lgtin:{prefix}.0{item:05}.{lot}"


def sscc(prefix: str, serial: int) -> str:
    """A logistic unit: a pallet."""
    return f"urn:epc:id:sscc:{prefix}.{serial:010}"


def grai(prefix: str, asset_type: int, serial: str) -> str:
    """A returnable asset: a container."""
    return f"urn:epc:id:grai:{prefix}.{asset_type:05}.{serial}"


def giai(prefix: str, asset: str) -> str:
    """A single asset: a data logger, a scale, a roaster."""
    return f"urn:epc:id:giai:{prefix}.{asset}"


def gdti(prefix: str, document_type: int, serial: str) -> str:
    """A document of the party: a certificate, a bill of lading."""
    return f"urn:epc:id:gdti:{prefix}.{document_type:05}.{serial}"


def business_transaction(issuer_gln: str, number: str) -> str:
    """A purchase order, despatch advice or the like under its issuer's GLN (CBV 2.0, 8.5.2)."""
    return f"urn:epcglobal:cbv:bt:{issuer_gln}:{number}"
