"""receive: another node's bundle at the door
├── verified, stored, and from then on part of every history and further bundle
├── refused whole where a record fails or is pending, or an event is not valid EPCIS
├── known records are taken once
└── a record that contradicts a stored one is not taken but listed, with its evidence
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import pytest

from ledger.database import reading
from tests.databases import MakeEngine
from tests.traceability.nodes import GROWER, ROASTER, SCANNER, TRUSTED, Chain, Node, found, join
from tests.traceability.stories import (
    BAG,
    CONTAINER,
    GREEN,
    OTHER_GREEN,
    ROASTED,
    Event,
    lot_packed,
    lot_seen,
    made,
    seen,
)
from traceability.bundle import parse
from traceability.drafts import Mark
from traceability.errors import BundleRefused, UnknownProduct
from traceability.foreign import contradictions
from traceability.history import product_proof
from traceability.jobs import Status
from traceability.verification import verify


@dataclass
class Two:
    """The grower's node and the roaster's, on one chain; each holds its own keys only."""

    grower: Node
    roaster: Node


@pytest.fixture
def nodes(make_engine: MakeEngine) -> Two:
    chain = Chain()
    two = Two(join(chain, make_engine()), join(chain, make_engine()))
    found(chain)
    return two


def bundle(node: Node, thing: str) -> bytes:
    with reading(node.engine) as session:
        return product_proof(session, TRUSTED, thing)


def green_coffee() -> list[Event]:
    return [lot_seen(1, GREEN, action="ADD"), lot_packed(2, CONTAINER, GREEN, 600), seen(3, CONTAINER)]


def test_goods_and_bundle_go_from_one_node_to_the_other_which_shows_the_whole_history_verified(nodes: Two) -> None:
    nodes.grower.capture(GROWER, *green_coffee())
    nodes.grower.anchor()
    received = nodes.roaster.receive(bundle(nodes.grower, GREEN))
    assert (len(received.taken), received.known, received.contradicting) == (3, (), ())
    nodes.roaster.capture(ROASTER, made(4, [GREEN], [ROASTED]), made(5, [ROASTED], [BAG]))
    nodes.roaster.anchor()
    history = nodes.roaster.history(BAG)
    assert [entry.state for entry in history.entries] == ["verified"] * 5
    assert [entry.stored.is_foreign for entry in history.entries] == [True, True, True, False, False]
    assert [entry.marks for entry in history.entries] == [(Mark.FOREIGN,)] * 3 + [()] * 2
    with pytest.raises(UnknownProduct):
        nodes.grower.history(BAG)


def test_a_further_bundle_carries_what_was_received(nodes: Two) -> None:
    nodes.grower.capture(GROWER, *green_coffee())
    nodes.grower.anchor()
    first = bundle(nodes.grower, GREEN)
    nodes.roaster.receive(first)
    passed_on = bundle(nodes.roaster, GREEN)
    assert [
        (record.record, record.signature, record.anchor and record.anchor.proof) for record in parse(passed_on).records
    ] == [(record.record, record.signature, record.anchor and record.anchor.proof) for record in parse(first).records]


def test_what_is_received_twice_is_known(nodes: Two) -> None:
    nodes.grower.capture(GROWER, *green_coffee())
    nodes.grower.anchor()
    data = bundle(nodes.grower, GREEN)
    taken = nodes.roaster.receive(data).taken
    again = nodes.roaster.receive(data)
    assert (again.taken, again.known) == ((), taken)


def test_ones_own_records_come_back_as_known(nodes: Two) -> None:
    nodes.grower.capture(GROWER, *green_coffee())
    nodes.grower.anchor()
    assert len(nodes.grower.receive(bundle(nodes.grower, GREEN)).known) == 3
    assert not any(entry.stored.is_foreign for entry in nodes.grower.history(GREEN).entries)


def test_a_pending_record_refuses_the_bundle(nodes: Two) -> None:
    nodes.grower.capture(GROWER, lot_seen(1, GREEN))
    nodes.grower.anchor()
    nodes.grower.capture(GROWER, lot_seen(2, GREEN))
    with pytest.raises(BundleRefused, match="final"):
        nodes.roaster.receive(bundle(nodes.grower, GREEN))
    with pytest.raises(UnknownProduct):
        nodes.roaster.history(GREEN)


def test_an_altered_record_refuses_the_bundle(nodes: Two) -> None:
    nodes.grower.capture(GROWER, *green_coffee())
    nodes.grower.anchor()
    file = orjson.loads(bundle(nodes.grower, GREEN))
    file["records"][2]["event"]["bizStep"] = "shipping"
    with pytest.raises(BundleRefused, match="failed"):
        nodes.roaster.receive(orjson.dumps(file))
    with pytest.raises(UnknownProduct):
        nodes.roaster.history(GREEN)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff"])
def test_what_is_no_bundle_is_refused(nodes: Two, data: bytes) -> None:
    with pytest.raises(BundleRefused):
        nodes.roaster.receive(data)


def test_a_withdrawn_record_is_taken_with_its_declaration(nodes: Two) -> None:
    declaration = {"declarationTime": "2026-03-02T00:00:00Z", "reason": "incorrect_data"}
    nodes.grower.capture(GROWER, lot_seen(1, GREEN), lot_seen(1, GREEN, errorDeclaration=declaration))
    nodes.grower.anchor()
    nodes.roaster.receive(bundle(nodes.grower, GREEN))
    assert nodes.roaster.states(GREEN) == ["corrected", "verified"]


def test_a_contradicting_record_is_not_taken_but_listed_with_its_evidence(nodes: Two) -> None:
    nodes.grower.capture(SCANNER, lot_seen(1, GREEN), lot_seen(2, GREEN), party=GROWER)
    nodes.roaster.capture(SCANNER, lot_seen(3, OTHER_GREEN), party=GROWER)
    nodes.grower.anchor()
    nodes.roaster.anchor()
    data = bundle(nodes.grower, GREEN)
    contradicting, taken = parse(data).records
    received = nodes.roaster.receive(data)
    assert (len(received.taken), len(received.contradicting)) == (1, 1)
    assert [entry.stored.record for entry in nodes.roaster.history(GREEN).entries] == [taken.record]
    nodes.roaster.receive(data)
    with reading(nodes.roaster.engine) as session:
        (listed,) = contradictions(session)
    assert (listed.signer, listed.sequence, listed.record_hash) == (SCANNER.address, 0, received.contradicting[0])
    (mine,) = nodes.roaster.history(OTHER_GREEN).entries
    assert listed.stored_record_hash == mine.stored.record_hash
    assert parse(listed.evidence.encode()).records == (contradicting,)
    assert verify(listed.evidence.encode()).code is None


def test_a_key_that_has_signed_elsewhere_goes_on_after_those_numbers(nodes: Two) -> None:
    nodes.roaster.capture(GROWER, lot_seen(0, OTHER_GREEN))
    nodes.grower.capture(GROWER, *green_coffee())
    nodes.grower.anchor()
    nodes.roaster.receive(bundle(nodes.grower, GREEN))
    nodes.roaster.capture(GROWER, lot_seen(9, OTHER_GREEN))
    assert [entry.stored.record.sequence for entry in nodes.roaster.history(OTHER_GREEN).entries] == [0, 3]


def test_an_event_received_before_is_known_when_its_party_captures_it_here(nodes: Two) -> None:
    nodes.grower.capture(GROWER, lot_seen(1, GREEN))
    nodes.grower.anchor()
    nodes.roaster.receive(bundle(nodes.grower, GREEN))
    (item,) = nodes.roaster.capture(GROWER, lot_seen(1, GREEN)).items
    assert item.status is Status.KNOWN


def test_an_event_that_is_not_valid_epcis_refuses_the_bundle(nodes: Two) -> None:
    """A verifier asks little of an event: one that no reader of EPCIS understands can be signed and anchored."""
    nodes.grower.capture_unchecked(GROWER, lot_seen(1, GREEN) | {"quantityList": [{"epcClass": 7}]})
    nodes.grower.anchor()
    with pytest.raises(BundleRefused, match="EPCIS"):
        nodes.roaster.receive(nodes.grower.proof([1]))
