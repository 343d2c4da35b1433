"""Orders as their parties handle them, by command line and by HTTP, on a real chain.

an order
├── proposed from a file, accepted, funded              a receiving event pays it, and nobody does anything
├── with a window: disputed, divided                    each side with its own key
├── sold                                                whoever holds the receivable is paid
├── in a file that is wrong                             every field and reason, nothing on chain
├── of others                                           each party does what is its own to do, and no more
└── that an event can't speak for                       is listed for a person, who decides
finance
├── invoices against it                                 matched, or exit code 1 and the state
└── books                                               files that say what the token says
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from ledger.database import reading
from ledger.tables import TransactionRow
from tests.api.conftest import Tally, Village, seen

WAREHOUSE = "urn:epc:id:sgln:9521234.00002.0"
COFFEE = "urn:epc:class:lgtin:9521234.000101.L7"
numbers = count(int(time.time()) % 100_000 * 100)


def day(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


def purchase_order(number: str, **changes: Any) -> dict[str, Any]:
    """The roaster orders 100 kg of the grower for 1,000."""
    milestone = {
        "products": [COFFEE], "quantity": 100, "uom": "KGM", "amount": "1000.00", "readPoints": [WAREHOUSE],
        "due": day(5), "grace": "1d",
    }  # fmt: skip
    order: dict[str, Any] = {
        "buyer": "roaster", "seller": "grower", "currency": "XTS", "fundBy": day(2), "references": [number],
        "milestones": [milestone | changes.pop("milestone", {})],
    }  # fmt: skip
    return order | changes


def received(number: str, kilograms: float = 100, **members: Any) -> dict[str, Any]:
    """What the roaster's warehouse records when the goods are there."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    business = [
        {"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234500018:{number}"},
        {"type": "desadv", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234500001:DA-{number}"},
    ]
    event = seen("", bizStep="receiving", disposition="in_progress", readPoint={"id": WAREHOUSE},
                 bizTransactionList=business, eventTime=at,
                 quantityList=[{"epcClass": COFFEE, "quantity": kilograms, "uom": "KGM"}])  # fmt: skip
    del event["epcList"]
    return event | members


def written(folder: Path, order: dict[str, Any]) -> Path:
    file = folder / "order.json"
    file.write_text(json.dumps(order))
    return file


def agreed(tally: Tally, folder: Path, number: str, **changes: Any) -> str:
    """The id of an order that is proposed, accepted and funded by command line."""
    proposed = tally("order", "propose", written(folder, purchase_order(number, **changes)), "--json")
    assert proposed.code == 0, proposed.err
    for step in ("accept", "fund"):
        done = tally("order", step, number, "--json")
        assert done.code == 0, done.err
    assert done.json["state"] == "funded"
    order: str = done.json["order"]
    return order


def awaited(client: httpx.Client, order: str, is_there: Any) -> dict[str, Any]:
    for _ in range(300):
        shown: dict[str, Any] = client.get(f"/orders/{order}").json()
        if is_there(shown):
            return shown
        time.sleep(0.05)
    raise AssertionError(f"not within 15 seconds: {json.dumps(shown)[:3000]}")


def number_of_order() -> str:
    return f"PO-{next(numbers)}"


@pytest.mark.slow
def test_a_receiving_event_pays_the_order_and_the_books_say_so(village: Village, tally: Tally, tmp_path: Path) -> None:
    number = number_of_order()
    order = agreed(tally, tmp_path, number)
    village.capture("roaster", received(number))
    with village.client() as client:
        paid = awaited(client, order, lambda shown: shown["state"] == "ended")
    assert (paid["paid"], paid["returned"], paid["held"]) == ("1000.00", "0.00", "0.00")
    assert [said["what"] for said in paid["history"]][:5] == ["proposed", "accepted", "funded", "attested", "agreed"]
    whole = tally("order", "show", number)
    assert (whole.code, "1000.00 XTS to the payee" in whole.out) == (0, True)
    assert number in tally("order", "list", "--party", "grower").out

    columns = "invoice,order,seller,quantity,uom,amount,currency,date\n"
    (tmp_path / "right.csv").write_text(f"{columns}R-{number},{order},grower,100,KGM,1000.00,XTS,2026-11-30\n")
    (tmp_path / "wrong.csv").write_text(f"{columns}R-{number},{number},grower,100,KGM,1010.00,XTS,2026-11-30\n")
    right = tally("reconcile", tmp_path / "right.csv", "--party", "roaster", "--json")
    assert [item["state"] for item in right.json["items"] if item["invoice"]] == ["matched"]
    wrong = tally("reconcile", tmp_path / "wrong.csv", "--party", "roaster", "--json")
    (item,) = [item for item in wrong.json["items"] if item["invoice"]]
    assert (wrong.code, item["state"], item["difference"]["money"]) == (1, "amount differs", "10.00")
    assert item["order"] == order
    assert item["events"] and item["transactions"]

    for kind, begin in (
        ("beancount", b'option "title"'),
        ("csv", b"date,time"),
        ("xlsx", b"PK"),
        ("camt053", b"<?xml"),
    ):
        file = tmp_path / f"journal.{kind}"
        assert tally("journal", "--party", "grower", "--format", kind, "-o", file).code == 0
        assert file.read_bytes().startswith(begin)
    with village.client("grower") as client:
        (stated,) = client.get("/finance/statement", params={"currency": "XTS"}).json()["statements"]
    assert any(move["order"] == order and move["amount"] == "1000.00" for move in stated["movements"])


@pytest.mark.slow
def test_an_order_lives_over_http_and_each_party_does_its_own(village: Village) -> None:
    number = number_of_order()
    window = {"window": "1d", "arbitration": "1d"}
    with village.client("roaster") as roaster, village.client("grower") as grower, village.client("retailer") as other:
        order_file = purchase_order(number, milestone=window, arbiter="retailer")
        asked_twice = [
            roaster.post("/orders", json=order_file, headers={"Idempotency-Key": f"key-{number}"}) for _ in range(2)
        ]
        assert [answer.status_code for answer in asked_twice] == [202, 202], asked_twice[0].text
        assert asked_twice[0].json() == asked_twice[1].json()
        order = asked_twice[0].json()["order"]
        awaited(roaster, order, lambda shown: shown.get("state") == "proposed")
        assert [each["order"] for each in grower.get("/orders", params={"state": "proposed"}).json()].count(order) == 1

        assert roaster.post(f"/orders/{order}/accept").json()["code"] == "not_entitled"
        assert grower.post(f"/orders/{order}/accept").status_code == 202
        awaited(roaster, order, lambda shown: shown["state"] == "accepted")
        assert grower.post(f"/orders/{order}/fund").status_code == 403
        assert roaster.post(f"/orders/{order}/fund").status_code == 202
        awaited(roaster, order, lambda shown: shown["state"] == "funded")
        assert roaster.post(f"/orders/{order}/cancel").json()["code"] == "wrong_state"

        village.capture("roaster", received(number))
        agreed_on = awaited(roaster, order, lambda shown: len(shown["milestones"][0]["items"]) == 2)
        item = next(each for each in agreed_on["milestones"][0]["items"] if each["delivery"] != "rest")
        assert (item["held"], item["isDisputed"]) == ("1000.00", False)
        where = {"milestone": 0, "delivery": item["reference"]}
        assert roaster.post(f"/orders/{order}/settle", json=where).json()["code"] == "wrong_time"
        assert other.post(f"/orders/{order}/dispute", json=where).status_code == 403
        assert roaster.post(f"/orders/{order}/dispute", json=where).status_code == 202
        awaited(roaster, order, lambda shown: any(each["isDisputed"] for each in shown["milestones"][0]["items"]))
        early = other.post(f"/orders/{order}/rule", json=where | {"share": "40%"})
        assert (early.status_code, early.json()["code"]) == (409, "wrong_time")

        too_much = grower.post(f"/orders/{order}/division", json=where | {"toPayee": "900.00", "toBuyer": "100.01"})
        assert (too_much.status_code, too_much.json()["code"]) == (400, "bad_share")
        offer = grower.post(f"/orders/{order}/division", json=where | {"toPayee": "900.00", "toBuyer": "100.00"})
        assert offer.status_code == 201, offer.text
        altered = offer.json() | {"toPayee": "90001", "toBuyer": "9999"}
        assert roaster.post(f"/orders/{order}/divide", json=altered).status_code == 403
        assert roaster.post(f"/orders/{order}/divide", json=offer.json()).status_code == 202
        ended = awaited(roaster, order, lambda shown: shown["state"] == "ended")
    assert (ended["paid"], ended["returned"]) == ("900.00", "100.00")


@pytest.mark.slow
def test_whoever_holds_the_receivable_is_paid(village: Village, tally: Tally, tmp_path: Path) -> None:
    number = number_of_order()
    order = agreed(tally, tmp_path, number)
    assert tally("order", "tokenise", number).code == 0
    sold = tally("order", "transfer", number, "retailer", "--json")
    assert (sold.code, sold.json["payee"]["name"]) == (0, "Corner Coffee"), sold.err
    assert tally("order", "tokenise", number).code == 2
    village.capture("roaster", received(number))
    with village.client() as client:
        ended = awaited(client, order, lambda shown: shown["state"] == "ended")
    assert [said["payee"] for said in ended["history"] if said["what"] == "paid"] == ["Corner Coffee"]


@pytest.mark.slow
def test_what_an_event_does_not_say_a_person_decides(village: Village, tally: Tally, tmp_path: Path) -> None:
    number = number_of_order()
    order = agreed(tally, tmp_path, number)
    job = village.capture(
        "roaster", received(number, quantityList=[{"epcClass": COFFEE, "quantity": 40, "uom": "LBR"}])
    )
    record = job["events"][0]["recordHash"]
    with village.client("roaster") as client:
        shown = awaited(client, order, lambda shown: shown["events"] and shown["events"][0]["state"] == "for_a_person")
        assert shown["events"][0]["reason"] == "unit_differs"
        assert record in {each["recordHash"] for each in client.get("/orders/for-a-person").json()}
    assert record in tally("order", "list").out
    unsaid = tally("order", "attest", number, record)
    assert (unsaid.code, "milestone" in unsaid.err) == (2, True)
    reference = f"urn:epcglobal:cbv:bt:9521234500001:DA-{number}"
    decided = tally("order", "attest", number, record, "--milestone", "0", "--delivery", reference, "--accepted", "18")
    assert decided.code == 0, decided.err
    with village.client() as client:
        paid = awaited(client, order, lambda shown: shown["paid"] != "0.00")
    assert (paid["paid"], paid["state"]) == ("180.00", "funded")


@pytest.mark.slow
def test_another_node_takes_the_terms_in_and_others_are_refused(village: Village, tally: Tally, tmp_path: Path) -> None:
    number = number_of_order()
    order = agreed(tally, tmp_path, number)
    file = tmp_path / "terms.json"
    assert tally("order", "terms", number, "-o", file).code == 0
    taken = tally("order", "import", file, "--json")
    assert (taken.code, taken.json["orders"]) == (0, [order])
    file.write_bytes(file.read_bytes().replace(b'"KGM"', b'"LBR"'))
    other = tally("order", "import", file)
    assert (other.code, "no order on chain has the terms document" in other.err) == (2, True)
    with village.client("roaster") as client:
        assert client.get(f"/orders/{order}/terms").json()["format"] == "tallystick-terms/1"
        posted = client.post("/orders/terms", content=file.read_bytes(), headers={"Content-Type": "application/json"})
        assert posted.json()["code"] == "terms_of_no_order"
    with village.client("retailer") as client:
        assert client.get(f"/orders/{order}/terms").status_code == 403


REFUSED = [
    ({"milestone": {"amount": "0"}}, "amount", "above zero"),
    ({"milestone": {"amount": "-5.00"}}, "amount", ""),
    ({"milestone": {"amount": "1,000.00"}}, "amount", "thousands"),
    ({"milestone": {"amount": "10.005"}}, "amount", "3 decimals"),
    ({"currency": "EUR"}, "currency", "no currency"),
    ({"seller": "nobody"}, "seller", "no party"),
    ({"seller": "roaster"}, "seller", "is the buyer"),
    ({"fundBy": "2020-01-01"}, "fundBy", "past"),
    ({"milestone": {"due": "2020-01-01"}}, "due", "past"),
    ({"milestone": {"threshold": "3"}}, "threshold", "more than the 1 attestors"),
    ({"milestone": {"quantity": "0"}}, "quantity", "above zero"),
    ({"milestone": {"grace": "400d"}}, "grace", "365 days"),
    ({"splits": ["grower: 90%", "retailer: 20%"]}, "splits", "10000 basis points"),
    ({"milestone": {"window": "1d", "arbitration": "1d"}}, "arbiter", "nobody"),
]


@pytest.mark.parametrize(("changes", "field", "reason"), REFUSED)
def test_terms_that_no_order_can_have_are_refused_by_field_and_reason(
    village: Village, tally: Tally, tmp_path: Path, changes: dict[str, Any], field: str, reason: str
) -> None:
    before = len(tally("order", "list", "--json").json["orders"])
    refused = tally(
        "order", "propose", written(tmp_path, purchase_order("PO-WRONG", **json.loads(json.dumps(changes)))), "--json"
    )
    assert refused.code == 2
    (problem,) = refused.json["errors"]
    assert field in problem["field"]
    assert reason in problem["reason"]
    with village.client("roaster") as client:
        answer = client.post("/orders", json=purchase_order("PO-WRONG", **changes))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_purchase_order")
    assert len(tally("order", "list", "--json").json["orders"]) == before


@pytest.mark.slow
def test_two_orders_are_paid_in_one_after_the_other_and_neither_twice(
    village: Village, tally: Tally, tmp_path: Path
) -> None:
    """Permits are numbered: two for one number, and the second fails on the chain."""
    orders = []
    for number in (number_of_order(), number_of_order()):
        assert tally("order", "propose", written(tmp_path, purchase_order(number)), "--json").code == 0
        orders.append(tally("order", "accept", number, "--json").json["order"])
    with village.client("roaster") as client:
        for order in orders:
            for _ in range(300):
                answer = client.post(f"/orders/{order}/fund")
                if answer.status_code == 202:
                    break
                assert (answer.status_code, answer.json()["code"]) == (409, "payment_under_way")
                time.sleep(0.05)
            assert client.post(f"/orders/{order}/fund").status_code in (202, 409)
        for order in orders:
            awaited(client, order, lambda shown: shown["state"] == "funded")
    with reading(village.node.engine) as session:
        funds = session.exec(select(TransactionRow).where(col(TransactionRow.intent).startswith("fund:"))).all()
    theirs = [row.state for row in funds if row.intent.split(":")[1] in orders]
    assert (len(theirs), "failed" in theirs) == (2, False)


@pytest.mark.slow
def test_more_than_the_buyer_has_is_not_paid_in(village: Village, tally: Tally, tmp_path: Path) -> None:
    number = number_of_order()
    rich = {"amount": "900000000.00"}
    assert tally("order", "propose", written(tmp_path, purchase_order(number, milestone=rich))).code == 0
    early = tally("order", "fund", number)
    assert (early.code, "is proposed, not accepted" in early.err) == (2, True)
    assert tally("order", "accept", number).code == 0
    poor = tally("order", "fund", number)
    assert (poor.code, "balance" in poor.err) == (2, True)
    assert tally("order", "show", number, "--json").json["state"] == "accepted"
    assert tally("order", "cancel", number, "--as", "retailer").code == 2
    assert tally("order", "cancel", number, "--as", "grower", "--json").json["state"] == "cancelled"


def test_an_order_that_nobody_knows_is_named(village: Village, tally: Tally) -> None:
    unknown = "0x" + "ab" * 32
    assert "no order" in tally("order", "show", unknown).err
    assert "no order id" in tally("order", "show", "0xab").err
    with village.client("roaster") as client:
        assert client.get(f"/orders/{unknown}").json()["code"] == "unknown_order"
        assert client.get("/orders/PO-NONE").status_code == 400
        assert client.post(f"/orders/{unknown}/fund").status_code == 404
    with village.client() as stranger:
        assert stranger.get("/orders").status_code == 401
        assert stranger.get("/finance/reconciliation").status_code == 401


def test_invoices_are_taken_whole_or_not_at_all(village: Village) -> None:
    columns = "invoice,order,seller,quantity,uom,amount,currency,date\n"
    kind = {"Content-Type": "text/csv"}
    with village.client("retailer") as client:
        good = client.post(
            "/finance/invoices", content=f"{columns}R-1,PO-NONE,grower,1,KGM,10.00,XTS,2026-11-01\n", headers=kind
        )
        assert (good.status_code, good.json()) == (201, {"invoices": 1}), good.text
        states = client.get("/finance/reconciliation").json()["states"]
        assert states == {"unknown order": 1}
        wrong = client.post(
            "/finance/invoices", content=f'{columns}R-2,PO-1,grower,1,KGM,"1,000.00",XTS,2026-13-01\n', headers=kind
        )
        assert (wrong.status_code, wrong.json()["code"]) == (400, "invoices_refused")
        assert {(each["row"], each["column"]) for each in wrong.json()["errors"]} == {(2, "amount"), (2, "date")}
        assert client.post("/finance/invoices", content=b"\xff\xfe\x00\x01", headers=kind).status_code == 400
        assert client.get("/finance/reconciliation").json()["states"] == states
        assert client.get("/finance/journal", params={"format": "beancount"}).status_code == 200
        assert client.get("/finance/journal", params={"from": "yesterday"}).json()["code"] == "bad_argument"
