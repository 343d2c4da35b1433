"""GS1 identifiers in both spellings: the vectors, every scheme there and back, and what is wrong in words."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from biip.checksums import gs1_standard_check_digit
from epcis_event_hash_generator.dl_normaliser import normaliser
from hypothesis import given
from hypothesis import strategies as st

from traceability.errors import InvalidIdentifier
from traceability.identifiers import canonical, check_digit, has_check_digit, parse, to_urn

ROOT = "https://id.gs1.org"
SET_82 = "!\"%&'()*+,-./" + string.digits + ":;<=>?" + string.ascii_uppercase + "_" + string.ascii_lowercase
SET_39 = "#-/" + string.digits + string.ascii_uppercase
URN_ESCAPES = {ord(character): f"%{ord(character):02X}" for character in '"#%&/<>?'}

# Scheme: (digits of prefix and reference together, components behind them), None for a reference of free text.
SCHEMES: dict[str, tuple[int, tuple[str, ...]]] = {
    "id:sgtin": (13, ("82:20",)),
    "id:upui": (13, ("82:28",)),
    "class:lgtin": (13, ("82:20",)),
    "id:itip": (13, ("d:2", "d:2", "82:20")),
    "id:sscc": (17, ()),
    "id:gsrn": (17, ()),
    "id:gsrnp": (17, ()),
    "id:gsin": (16, ()),
    "id:pgln": (12, ()),
    "id:sgln": (12, ("82:20",)),
    "id:grai": (12, ("82:16",)),
    "id:gdti": (12, ("82:17",)),
    "id:sgcn": (12, ("digits:12",)),
    "id:giai": (0, ("82:18",)),
    "id:ginc": (0, ("82:18",)),
    "id:cpi": (0, ("39:18", "digits:12")),
    "idpat:sgtin": (13, ("*",)),
    "idpat:itip": (13, ("d:2", "d:2", "*")),
    "idpat:grai": (12, ("*",)),
    "idpat:gdti": (12, ("*",)),
    "idpat:sgcn": (12, ("*",)),
    "idpat:cpi": (0, ("39:18", "*")),
}


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(string.digits, min_size=length, max_size=length)


@st.composite
def urns(draw: st.DrawFn, scheme: str) -> tuple[str, int]:
    """A URN of the scheme as TDS writes it, and the length of its company prefix."""
    total, components = SCHEMES[scheme]
    company = draw(st.integers(6, 12).flatmap(digits))
    body = [company]
    if total:
        body.append(draw(digits(total - len(company))))
    for component in components:
        kind, _, length = component.partition(":")
        if kind == "*":
            body.append("*")
        elif kind == "d":
            body.append(draw(digits(int(length))))
        else:
            characters = {"82": SET_82, "39": SET_39, "digits": string.digits}[kind]
            body.append(draw(st.text(characters, min_size=1, max_size=int(length))).translate(URN_ESCAPES))
    return f"urn:epc:{scheme}:{'.'.join(body)}", len(company)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_comes_back_from_its_digital_link_as_it_was(scheme: str) -> None:
    @given(urns(scheme))
    def there_and_back(made: tuple[str, int]) -> None:
        urn, company_length = made
        identifier = parse(urn)
        assert identifier.urn == urn
        assert to_urn(identifier.digital_link, company_length) == urn
        assert canonical(urn) == canonical(identifier.digital_link) == identifier.digital_link
        linked = parse(identifier.digital_link, company_length)
        assert linked == identifier
        assert linked.is_class == (not scheme.startswith("id:"))
        assert identifier.parts["companyPrefix"] == urn.split(":")[4].split(".")[0]
        assert parse(identifier.digital_link).urn is None

    there_and_back()


def test_a_pattern_of_upui_is_the_item_that_a_pattern_of_sgtin_is() -> None:
    identifier = parse("urn:epc:idpat:upui:9521234.012345.*")
    assert identifier.digital_link == f"{ROOT}/01/09521234123453"
    assert identifier.urn == "urn:epc:idpat:sgtin:9521234.012345.*"


def test_every_published_identifier_gets_its_published_canonical_form(vectors: Path) -> None:
    cases = json.loads((vectors / "event-hash" / "identifier-normalisation.json").read_text())
    assert [canonical(case["input"]) for case in cases] == [case["canonical"] for case in cases]
    assert [canonical(case["canonical"]) for case in cases] == [case["canonical"] for case in cases]


@given(st.data())
def test_urns_are_translated_as_the_reference_does(data: st.DataObject) -> None:
    """Where it translates them: not all of twelve digits, and it leaves escapes that need not be escaped."""
    urn, company_length = data.draw(st.sampled_from(sorted(SCHEMES)).flatmap(urns))
    theirs = normaliser(urn)
    if theirs is not None and company_length < 12 and '"#%/<>&?' not in urn:
        assert canonical(urn) == theirs


@given(st.integers(2, 17).flatmap(digits))
def test_check_digits_are_those_that_biip_reckons(number: str) -> None:
    assert check_digit(number) == str(gs1_standard_check_digit(number))
    assert has_check_digit(number + check_digit(number))
    assert not has_check_digit(number + str((int(check_digit(number)) + 1) % 10))


@pytest.mark.parametrize(
    ("spelling", "form"),
    [
        ("http://localhost:8000/01/09521234123453/21/77", "/01/09521234123453/21/77"),
        ("HTTPS://shop.example/x/y/01/9521234123453/21/77/?a=b#c", "/01/09521234123453/21/77"),
        ("https://me@shop.example/01/09521234123453#top", "/01/09521234123453"),
        ("https://shop.example/01/95212340/10/L%2F1", "/01/00000095212340/10/L%2F1"),
        ("https://shop.example/01/952123412348", "/01/00952123412348"),
        ("https://shop.example/01/09521234123453/22/A/10/L", "/01/09521234123453/10/L"),
        ("https://shop.example/01/09521234123453/22/A", "/01/09521234123453"),
        ("https://shop.example/01/09521234123453/235/T", "/01/09521234123453/235/T"),
        ("https://shop.example/01/09521234123453/21/%37%2f", "/01/09521234123453/21/7%2F"),
        ("https://shop.example/01/09521234123453/21/a!b(c)*d'e", "/01/09521234123453/21/a%21b%28c%29%2Ad'e"),
        ("https://shop.example/01/00/01/09521234123453", "/01/09521234123453"),
        ("https://shop.example/01/09521234123453/21/01", "/01/09521234123453/21/01"),
        ("https://shop.example/gln/9521234000013/glnx/5", "/414/9521234000013/254/5"),
        ("https://shop.example/gln/9521234000013/254/0", "/414/9521234000013"),
        ("https://shop.example/cpid/9521234AB%23/cpsn/5", "/8010/9521234AB%23/8011/5"),
    ],
)
def test_a_digital_link_of_any_domain_and_spelling_has_one_canonical_form(spelling: str, form: str) -> None:
    assert canonical(spelling) == ROOT + form


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://shop.example/01/09521234123454", "check digit of GTIN 09521234123454 is wrong: it should be 3"),
        ("https://shop.example/00/095212341234567890", "check digit of SSCC"),
        ("https://shop.example/8018/952123400000000001", "check digit of GSRN"),
        ("https://shop.example/8003/09521234000010A", "check digit of GRAI"),
        ("https://shop.example/253/9521234000010", "check digit of GDTI"),
        ("https://shop.example/414/9521234000010", "check digit of GLN"),
        ("https://shop.example/01/9521234123", "the GTIN has 8, 12, 13 or 14 digits, not '9521234123'"),
        ("https://shop.example/01/095212341234531", "is too much after the number"),
        ("https://shop.example/00/12345", "the SSCC has 18 digits"),
        ("https://shop.example/01/0952123412345٣", "the GTIN has 8, 12, 13 or 14 digits"),
        ("https://shop.example/01/09521234123453/21/" + "x" * 21, "the serial has at most 20 characters"),
        ("https://shop.example/01/09521234123453/10/a%5Eb", "is no lot: a character is not allowed"),
        ("https://shop.example/01/09521234123453/21/%C3%A4", "is no serial: a character is not allowed"),
        ("https://shop.example/01/09521234123453/21/a%2", "a % escapes nothing"),
        ("https://shop.example/01/09521234123453/21", "ends in a name without a value"),
        ("https://shop.example/01/09521234123453/21//", "is no serial"),
        ("https://shop.example/01/09521234123453/21/A/10/B", "the GTIN is not followed by '21/10'"),
        ("https://shop.example/01/09521234123453/254/1", "the GTIN is not followed by '254'"),
        ("https://shop.example/01/09521234123453/10/A/10/B", "the GTIN is not followed by '10/10'"),
        ("https://shop.example/00/095212341234567891/21/1", "the SSCC is not followed by '21'"),
        ("https://shop.example/255/9521234000013A", "is no serial"),
        ("https://shop.example/8006/09521234123453010", "piece and total have two digits each"),
        ("https://shop.example/8004/ABC123", "the GIAI begins with a company prefix"),
        ("https://shop.example/8004/9521", "the GIAI begins with a company prefix"),
        ("https://shop.example/8004/9521" + "1" * 27, "the reference has at most 30 characters"),
        ("https://shop.example/about", "no GS1 key is in the address"),
        ("https:///01/09521234123453", "neither an EPC URN nor a web address"),
        ("09521234123453", "neither an EPC URN nor a web address"),
        ("urn:epc:id:sgtin:9521234.12345.77", "the reference after a prefix of 7 digits has 6, not '12345'"),
        ("urn:epc:id:sgtin:95212.01234567.77", "the company prefix has 6 to 12 digits, not '95212'"),
        ("urn:epc:id:sgtin:9521234123456.0.77", "the company prefix has 6 to 12 digits"),
        ("urn:epc:id:sgtin:9521234.012345", "a component is missing"),
        ("urn:epc:id:sscc:9521234.0123456789.1", "a component too many"),
        ("urn:epc:id:sgtin:9521234.012345.", "is no serial"),
        ("urn:epc:id:sgtin:9521234.012345." + "7" * 21, "the serial has at most 20 characters"),
        ("urn:epc:id:sgtin:9521234.012345.7/7", "is no serial: a character is not allowed"),
        ("urn:epc:id:sgtin:9521234.012345.%23", "is no serial: a character is not allowed"),
        ("urn:epc:id:sgtin:9521234.٠12345.77", "the reference after a prefix of 7 digits has 6"),
        ("urn:epc:id:sgcn:9521234.00001.A", "is no serial"),
        ("urn:epc:id:grai:9521234.00001", "a component is missing"),
        ("urn:epc:id:itip:9521234.012345.1.02.7", "piece and total have two digits each"),
        ("urn:epc:id:itip:9521234.012345.01.02", "a component is missing"),
        ("urn:epc:id:cpi:9521234.AB", "a component is missing"),
        ("urn:epc:id:cpi:9521234.ab.1", "is no reference"),
        ("urn:epc:id:giai:9521234." + "A" * 24, "the reference has at most 30 characters"),
        ("urn:epc:idpat:sgtin:9521234.012345.7", "a pattern ends in *, not '7'"),
        ("urn:epc:id:imovn:9176187", "urn:epc:id:imovn is no EPC scheme of a GS1 key"),
        ("urn:epc:class:sgtin:9521234.012345.7", "urn:epc:class:sgtin is no EPC scheme"),
        ("urn:epc:", "is no EPC scheme"),
        ("", "neither an EPC URN nor a web address"),
    ],
)
def test_what_is_no_key_is_refused_in_words_and_stays_as_written(text: str, reason: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        parse(text)
    assert reason in str(refused.value)
    assert canonical(text) == text


def test_a_urn_from_a_digital_link_needs_the_length_of_the_company_prefix() -> None:
    link = "https://id.gs1.org/01/09521234123453/21/77"
    with pytest.raises(InvalidIdentifier, match=r"does not say where the company prefix ends: give its length"):
        to_urn(link)
    assert to_urn(link, 7) == "urn:epc:id:sgtin:9521234.012345.77"
    assert to_urn(link, 9) == "urn:epc:id:sgtin:952123412.0345.77"
    with pytest.raises(InvalidIdentifier, match="a company prefix has 6 to 12 digits, not 5"):
        to_urn(link, 5)


@pytest.mark.parametrize("extension", ["0", "%30"])
def test_a_place_with_the_extension_0_is_the_place_without_extension(extension: str) -> None:
    place = f"{ROOT}/414/9521234000013"
    assert canonical(f"urn:epc:id:sgln:9521234.00001.{extension}") == canonical(f"{place}/254/{extension}") == place


def test_a_key_that_no_urn_scheme_spells_says_so() -> None:
    link = "https://id.gs1.org/8006/095212341234530102/10/L1"
    assert parse(link, 7).urn is None
    with pytest.raises(InvalidIdentifier, match="no EPC URN scheme spells this key"):
        to_urn(link, 7)
    with pytest.raises(InvalidIdentifier, match="does not begin with a company prefix of 8 digits"):
        to_urn("https://id.gs1.org/8004/9521234ABC", 8)
    with pytest.raises(InvalidIdentifier, match="the number must begin with 0"):
        to_urn("https://id.gs1.org/8003/195212340000107", 7)


def test_a_serial_keeps_its_characters_through_both_kinds_of_escapes() -> None:
    serial = '6789/&%"!?()'
    identifier = parse("urn:epc:id:sgtin:9521234.012345.6789%2F%26%25%22!%3F()")
    assert identifier.parts == {"gtin": "09521234123453", "serial": serial, "companyPrefix": "9521234"}
    assert identifier.digital_link == f"{ROOT}/01/09521234123453/21/6789%2F%26%25%22%21%3F%28%29"
    assert to_urn(identifier.digital_link, 7) == "urn:epc:id:sgtin:9521234.012345.6789%2F%26%25%22!%3F()"


def test_an_identifier_tells_all_that_is_known_about_it() -> None:
    assert parse("urn:epc:class:lgtin:9521234.012345.LOT-7").to_json() == {
        "urn": "urn:epc:class:lgtin:9521234.012345.LOT-7",
        "digitalLink": "https://id.gs1.org/01/09521234123453/10/LOT-7",
        "key": "GTIN",
        "scheme": "lgtin",
        "isClass": True,
        "parts": {"gtin": "09521234123453", "lot": "LOT-7", "companyPrefix": "9521234"},
        "checkDigit": "3",
    }
    assert parse("https://id.gs1.org/00/095212341234567891").to_json() == {
        "urn": None,
        "digitalLink": "https://id.gs1.org/00/095212341234567891",
        "key": "SSCC",
        "scheme": "sscc",
        "isClass": False,
        "parts": {"sscc": "095212341234567891"},
        "checkDigit": "1",
    }


@pytest.mark.parametrize(
    ("urn", "parts"),
    [
        ("urn:epc:id:itip:9521234.012345.01.02.7", {"itip": "095212341234530102", "piece": "01", "total": "02"}),
        ("urn:epc:id:grai:9521234.00001.7", {"grai": "095212340000137", "serial": "7"}),
        ("urn:epc:id:giai:9521234.A7", {"giai": "9521234A7"}),
        ("urn:epc:id:cpi:9521234.A-7.5", {"cpid": "9521234A-7", "serial": "5"}),
        ("urn:epc:id:sgln:9521234.00001.0", {"gln": "9521234000013"}),
        ("urn:epc:id:sgln:9521234.00001.5", {"gln": "9521234000013", "extension": "5"}),
    ],
)
def test_the_parts_of_a_key_have_names(urn: str, parts: dict[str, str]) -> None:
    assert parse(urn).parts.items() >= (parts | {"companyPrefix": "9521234"}).items()


def test_texts_of_any_size_are_taken_as_they_are() -> None:
    for endless in ("urn:epc:id:sgtin:" + "9" * 100_000, "https://id.gs1.org/01/" + "9/" * 50_000, "x" * 100_000):
        assert canonical(endless) == endless
    link = f"{ROOT}/01/09521234123453/21/77"
    assert canonical(f"{link}?{'a=b&' * 1000}") == link


@given(st.text(max_size=60) | st.text("urn:epcidsgtlac.*0123456789%/", max_size=60).map("urn:epc:".__add__))
def test_no_text_breaks_the_reader(text: str) -> None:
    form = canonical(text)
    assert canonical(form) == form
