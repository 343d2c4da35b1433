"""The page behind the code on a product: readable without JavaScript, answer first, nothing foreign let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import Village, bag, seen
from traceability.identifiers import parse

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def browser(village: Village) -> Iterator[httpx.Client]:
    with village.client() as client:
        client.headers.update(BROWSER)
        yield client


def path_of(epc: str) -> str:
    return parse(epc).digital_link.removeprefix("https://id.gs1.org")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_browser_gets_a_page_and_a_program_gets_json_at_the_same_address(
    village: Village, browser: httpx.Client
) -> None:
    village.capture("grower", seen(bag("page-1")))
    path = path_of(bag("page-1"))
    page, data = browser.get(path), browser.get(path, headers={"Accept": "application/json"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert [each["event"]["bizStep"] for each in data.json()["events"]] == ["shipping"]
    assert page.headers["Vary"] == data.headers["Vary"] == "Accept"
    assert browser.get(path + "/").status_code == 200
    assert browser.get(path, headers={"Accept": "image/png"}).status_code == 406


def test_the_answer_comes_first_then_the_journey_then_what_it_does_not_mean(
    village: Village, browser: httpx.Client
) -> None:
    village.capture("grower", seen(bag("page-2")))
    text = text_of(browser.get(path_of(bag("page-2"))).text)
    order = [
        "genuine and unchanged",
        "Sent off",
        "signed for Highland Growers",
        "does not say that what was recorded is true",
    ]
    assert [text.index(each) for each in order] == sorted(text.index(each) for each in order)


def test_a_lot_and_a_pallet_have_pages(village: Village, browser: httpx.Client) -> None:
    lot, pallet = "urn:epc:class:lgtin:9521234.000101.L-7", "urn:epc:id:sscc:9521234.0000000077"
    event = seen(pallet, quantityList=[{"epcClass": lot, "quantity": 60, "uom": "KGM"}])
    village.capture("grower", event)
    for identifier, words in ((lot, "lot L-7"), (pallet, "SSCC 095212340000000")):
        answer = browser.get(path_of(identifier))
        assert answer.status_code == 200
        assert words in text_of(answer.text)


def test_a_product_is_called_as_its_maker_calls_it(village: Village, browser: httpx.Client) -> None:
    made = seen(bag("page-3"), action="ADD", bizStep="commissioning", ilmd={"coffee:product": "Pink Bourbon 250 g"})
    village.capture("roaster", made)
    html = browser.get(path_of(bag("page-3"))).text
    assert "<h1>Pink Bourbon 250 g</h1>" in html


def test_nothing_that_a_stranger_recorded_becomes_markup(village: Village, browser: httpx.Client) -> None:
    nasty = "<script>alert(1)</script>"
    made = {"coffee:product": nasty, "coffee:note": nasty}
    event = seen(bag("page-4"), action="ADD", bizStep="commissioning", ilmd=made,
                 readPoint={"id": "https://example.com/%3Cscript%3E"})  # fmt: skip
    village.capture("grower", event)
    answer = browser.get(path_of(bag("page-4")))
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_asks_no_foreign_host_for_anything(village: Village, browser: httpx.Client) -> None:
    village.capture("grower", seen(bag("page-5")))
    for path in (path_of(bag("page-5")), "/", "/docs", "/problems/unknown_api_key"):
        answer = browser.get(path)
        assert answer.status_code == 200
        loaded = re.findall(r'<(?:link|img|script|iframe)[^>]+(?:src|href)="([^"]+)"', answer.text)
        assert set(loaded) <= {"/pages/style.css", "data:,"}
    assert browser.get("/pages/style.css").headers["Content-Type"].startswith("text/css")


def test_a_code_that_cannot_be_and_one_that_nobody_recorded_get_different_words(browser: httpx.Client) -> None:
    misread = browser.get("/01/09521234001015/21/1")
    assert misread.status_code == 400
    assert "one digit may have been misread" in text_of(misread.text)
    unknown = browser.get(path_of(bag("never-made")))
    assert unknown.status_code == 404
    assert "Another company's node may know it" in text_of(unknown.text.replace("&#39;", "'"))


def test_the_front_door_leads_to_a_products_page(village: Village, browser: httpx.Client) -> None:
    found = browser.get("/", params={"product": f" {bag('page-1')} "})
    assert (found.status_code, found.headers["Location"]) == (303, path_of(bag("page-1")))
    assert browser.get("/", params={"product": "hello"}).status_code == 400


def test_a_withdrawn_record_is_struck_through_and_says_so(village: Village, browser: httpx.Client) -> None:
    event = seen(bag("page-6"))
    village.capture("grower", event)
    declared = event | {"errorDeclaration": {"declarationTime": event["eventTime"], "reason": "did_not_occur"}}
    village.capture("grower", declared)
    html = browser.get(path_of(bag("page-6"))).text
    assert "withdrawn as mistaken" in html
    assert "struck" in html
    assert "later withdrawn" in text_of(html)


def test_every_problem_type_of_ours_leads_to_a_page(browser: httpx.Client) -> None:
    answer = browser.post("/bundles", content=b"{}", headers={"Content-Type": "application/json"})
    assert answer.json()["type"] == "epcisException:SecurityException"
    for code in ("chain_unreachable", "bundle_refused", "no_signing_key"):
        assert browser.get(f"/problems/{quote(code)}").status_code == 200
    assert browser.get("/problems/no_such_thing").status_code == 404
