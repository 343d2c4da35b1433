"""The event hash ID: one test for each point where sources disagree, and for what is easily got wrong.

The decisions stand in docs/proof-format.md; published vectors win, and where they are silent equal facts hash equally.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceability.epcis.context import check_context, namespaces_of
from traceability.epcis.event_hash import digest_of_hash_id, event_hash, hash_id, left_out_members, prehash
from traceability.epcis.times import check_event
from traceability.errors import MalformedJson

GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NS = "https://roaster.example/ns/"
CONTEXT: list[Any] = [GS1, {"roast": NS}]
# Names that mean something somewhere, for events that make no sense.
NAMES = """
    action bizStep bizTransaction bizTransactionList comment epc epcClass epcList errorDeclaration eventID eventTime id
    ilmd persistentDisposition quantity quantityList readPoint sensorElementList sensorMetadata sensorReport set source
    sourceList time type uom value #text @context @type roast:a roast:b roast:List gs1:a https://a.example/b :
""".split()  # noqa: SIM905


def roasting(**members: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-03-01T10:00:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
    } | members


def spelled(**members: Any) -> str:
    """The pre-hash of a roasting with these members, without what every event begins with."""
    text = prehash(roasting(**members), namespaces_of(CONTEXT, members.get("@context")))
    return text.removeprefix("eventType=ObjectEventeventTime=2026-03-01T02:00:00.000ZeventTimeZoneOffset=+08:00")


# Where the sources disagree, in the order of the decisions.


def test_transactions_sources_and_destinations_stand_behind_sensors_among_ilmd_and_extensions() -> None:
    text = spelled(
        **{"roast:batch": "A", "ilmd": {"roast:grade": "B"}},
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:example:po:1"}],
        sourceList=[{"type": "location", "source": "urn:example:dock"}],
        destinationList=[{"type": "location", "destination": "urn:example:shop"}],
        sensorElementList=[{"sensorReport": [{"type": "Temperature", "value": 205}]}],
    )
    assert text == (
        "sensorElementListsensorElementsensorReporttype=https://gs1.org/voc/Temperaturevalue=205"
        "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:example:po:1"
        "destinationListtype=https://ref.gs1.org/cbv/SDT-locationdestination=urn:example:shop"
        f"ilmd{{{NS}}}grade=B"
        "sourceListtype=https://ref.gs1.org/cbv/SDT-locationsource=urn:example:dock"
        f"{{{NS}}}batch=A"
    )


@pytest.mark.parametrize(("items", "item"), [("sourceList", "source"), ("destinationList", "destination")])
def test_the_type_stands_before_its_value_in_whatever_order_the_document_has_them(items: str, item: str) -> None:
    typed = f"{items}type=https://ref.gs1.org/cbv/SDT-owning_party{item}=urn:example:p"
    assert spelled(**{items: [{"type": "owning_party", item: "urn:example:p"}]}) == typed
    assert spelled(**{items: [{item: "urn:example:p", "type": "owning_party"}]}) == typed


def test_a_business_transaction_without_type_is_hashed_without_it() -> None:
    transactions = [{"bizTransaction": "urn:example:po:2"}, {"type": "po", "bizTransaction": "urn:example:po:1"}]
    assert spelled(bizTransactionList=transactions) == (
        "bizTransactionListbizTransaction=urn:example:po:2"
        "type=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:example:po:1"
    )


def test_truth_is_written_as_in_xml() -> None:
    report = {"type": "roast:Door", "booleanValue": True}
    assert spelled(sensorElementList=[{"sensorReport": [report]}]).endswith(f"type={NS}DoorbooleanValue=true")
    assert spelled(**{"roast:organic": False}) == f"{{{NS}}}organic=false" == spelled(**{"roast:organic": "false"})


@pytest.mark.parametrize(
    "members",
    [{"bizStep": None}, {"roast:a": None}, {"epcList": [None]}, {"ilmd": {"roast:a": [None]}}, {"readPoint": None}],
)
def test_null_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(MalformedJson, match="null is no value of an event"):
        spelled(**members)


@pytest.mark.parametrize(
    ("written", "utc"), [("00.0005", "00.001"), ("00.0004999", "00.000"), ("00.9995", "01.000"), ("59.9995", "60")]
)
def test_times_beyond_milliseconds_are_rounded_half_up_and_carried(written: str, utc: str) -> None:
    event = roasting(eventTime=f"2026-03-01T10:00:{written}Z")
    expected = "2026-03-01T10:01:00.000Z" if utc == "60" else f"2026-03-01T10:00:{utc}Z"
    assert f"eventTime={expected}eventTimeZoneOffset" in prehash(event, namespaces_of(CONTEXT))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (1e-7, "0.0000001"),
        (12.50, "12.5"),
        (26.0, "26"),
        (-0.0, "0"),
        ("12.50", "12.5"),
        ("9007199254740993", "9007199254740993"),
        ("1e3", "1000"),
        ("inf", "inf"),
        ("1_000", "1_000"),
        ("007", "007"),
        ("+5", "+5"),
        ("1e63", "1" + "0" * 63),
        ("1e64", "1e64"),
    ],
)
def test_numbers_and_texts_that_spell_them_are_plain_decimals_in_extensions_and_ilmd(value: Any, plain: str) -> None:
    assert spelled(**{"roast:weight": value}) == f"{{{NS}}}weight={plain}"
    assert spelled(ilmd={"roast:weight": value}) == f"ilmd{{{NS}}}weight={plain}"


def test_standard_text_fields_stay_text_where_they_look_like_numbers() -> None:
    report = {"type": "Count", "value": 7.0, "stringValue": "007.0", "hexBinaryValue": "0010", "uom": "1.0"}
    text = spelled(sensorElementList=[{"sensorReport": [report]}])
    assert text.endswith("Countvalue=7stringValue=007.0hexBinaryValue=0010uom=1.0")


def test_bare_words_are_words_only_in_the_fields_whose_vocabulary_they_are() -> None:
    text = spelled(
        **{"roast:note": "shipping", "roast:list": ["po", "recalled"], "readPoint": {"id": "receiving"}},
        bizStep="shipping",
        disposition="shipping",
        persistentDisposition={"set": ["recalled"], "unset": ["damaged"]},
        sensorElementList=[
            {
                "sensorReport": [
                    {"type": "Speed", "exception": "ALARM_CONDITION", "component": "x", "stringValue": "x"},
                    {"type": "shipping", "exception": "Speed", "component": "po"},
                ]
            }
        ],
    )
    assert text == (
        "bizStep=https://ref.gs1.org/cbv/BizStep-shippingdisposition=shipping"
        "persistentDispositionset=https://ref.gs1.org/cbv/Disp-recalledunset=https://ref.gs1.org/cbv/Disp-damaged"
        "readPointid=receiving"
        "sensorElementListsensorElement"
        "sensorReporttype=https://gs1.org/voc/Speedexception=https://gs1.org/voc/ALARM_CONDITION"
        "component=https://ref.gs1.org/cbv/Comp-xstringValue=x"
        "sensorReporttype=shippingexception=Speedcomponent=po"
        f"{{{NS}}}list=po{{{NS}}}list=recalled{{{NS}}}note=shipping"
    )


def test_prefixes_are_expanded_in_vocabulary_fields_and_names_and_in_no_other_text() -> None:
    text = spelled(
        **{"roast:note": "roast:dark", "gs1:certification": "cbv:BizStep-shipping", "grow:note": 1},
        bizStep="roast:cooling",
        disposition="cbv:Disp-active",
        epcList=["roast:bag"],
        sensorElementList=[{"sensorReport": [{"type": "gs1:Temperature", "stringValue": "roast:dark"}]}],
        sourceList=[{"type": "roast:farm", "source": "roast:dark"}],
    )
    assert text == (
        f"epcListepc=roast:bagbizStep={NS}coolingdisposition=https://ref.gs1.org/cbv/Disp-active"
        "sensorElementListsensorElementsensorReporttype=https://gs1.org/voc/TemperaturestringValue=roast:dark"
        "grow:note=1"
        f"sourceListtype={NS}farmsource=roast:dark"
        "{https://gs1.org/voc/}certification=cbv:BizStep-shipping"
        f"{{{NS}}}note=roast:dark"
    )


def test_no_prefix_leaks_and_the_events_own_context_counts() -> None:
    mine = {"@context": [{"roast": "https://other.example/"}], "roast:note": "x"}
    assert spelled(**mine) == "{https://other.example/}note=x"
    assert spelled(**{"roast:note": "x"}) == f"{{{NS}}}note=x"
    assert event_hash(roasting(**mine), CONTEXT) == event_hash(
        roasting(**{"other:note": "x"}), [GS1, {"other": "https://other.example/"}]
    )
    assert prehash(roasting(**{"roast:note": "x"}), namespaces_of([GS1])).endswith("roast:note=x")


@pytest.mark.parametrize(
    ("urn", "link"),
    [
        ("urn:epc:id:grai:952123456789..7", "8003/095212345678997"),
        ("urn:epc:idpat:grai:952123456789..*", "8003/09521234567899"),
        ("urn:epc:id:gdti:952123456789..7", "253/95212345678997"),
        ("urn:epc:id:sgcn:952123456789..7", "255/95212345678997"),
    ],
)
def test_a_company_prefix_of_twelve_digits_is_translated(urn: str, link: str) -> None:
    assert spelled(epcList=[urn]) == f"epcListepc=https://id.gs1.org/{link}"


@pytest.mark.parametrize(
    "spelling",
    [
        "urn:epc:id:sgtin:9521234.012345.7%2F7",
        "https://id.gs1.org/01/09521234123453/21/7%2f7",
        "https://shop.example/gtin/9521234123453/ser/7%2F%37/?utm=1#top",
        "http://localhost:8000/a/01/09521234123453/22/v/10/lot/21/7%2F7",
    ],
)
def test_every_spelling_of_a_digital_link_is_the_canonical_one(spelling: str) -> None:
    assert spelled(epcList=[spelling]) == "epcListepc=https://id.gs1.org/01/09521234123453/21/7%2F7"


@pytest.mark.parametrize(
    "no_key",
    [
        "https://id.gs1.org/01/09521234123454/21/7",
        "https://id.gs1.org/01/09521234123453/21/%C3%A4",
        "https://id.gs1.org/01/09521234123453/21/a%5Eb",
        "https://id.gs1.org/01/09521234123453/21/100%",
    ],
)
def test_what_is_no_key_stays_as_written(no_key: str) -> None:
    assert spelled(epcList=[no_key]) == f"epcListepc={no_key}"


def test_the_parent_of_a_transaction_event_stands_before_its_items() -> None:
    event = roasting(type="TransactionEvent", epcList=["urn:example:bag"], parentID="urn:example:pallet")
    assert prehash(event, namespaces_of(CONTEXT)).endswith("parentID=urn:example:palletepcListepc=urn:example:bag")


def test_duplicates_after_normalisation_are_kept() -> None:
    twice = ["urn:epc:id:sscc:9521234.0123456789", "https://id.gs1.org/00/095212341234567891"]
    assert spelled(epcList=twice) == "epcList" + "epc=https://id.gs1.org/00/095212341234567891" * 2


# What is easily got wrong.


def test_an_events_names_and_corrections_and_comments_are_no_facts_of_it() -> None:
    extra = {
        "eventID": "urn:uuid:1",
        "recordTime": "2026-03-01T10:00:00Z",
        "errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z", "reason": "incorrect_data"},
        "rdfs:comment": "so it was",
        "comment": "indeed",
        "label:comment": "same namespace, other prefix",
        "@context": [{"label": "https://label.example/"}],
    }
    context = [*CONTEXT, {"label": "http://www.w3.org/2000/01/rdf-schema#"}]
    del extra["@context"]
    nested = {"roast:a": {"roast:b": 1, "rdfs:comment": "no"}, "readPoint": {"id": "urn:example:p", "comment": "no"}}
    plain = {"roast:a": {"roast:b": 1}, "readPoint": {"id": "urn:example:p"}}
    assert event_hash(roasting(**extra, **nested), context) == event_hash(roasting(**plain), context)


def test_the_time_zone_offset_stays_as_written() -> None:
    moved = roasting() | {"eventTimeZoneOffset": "+00:00"}
    assert event_hash(moved, CONTEXT) != event_hash(roasting(), CONTEXT)


def test_a_list_has_its_name_once_and_sorts_its_items_after_canonicalisation() -> None:
    items = ["urn:epc:id:sgtin:9521234.012345.9", "https://a.example/x", "urn:epc:id:sgtin:9521234.012345.10"]
    assert spelled(epcList=items) == (
        "epcListepc=https://a.example/xepc=https://id.gs1.org/01/09521234123453/21/10"
        "epc=https://id.gs1.org/01/09521234123453/21/9"
    )


def test_items_are_sorted_by_code_point() -> None:
    assert spelled(**{"roast:t": ["ä", "z", "Z", "𝄞", "\uffee"]}) == "".join(
        f"{{{NS}}}t={letter}" for letter in ("Z", "z", "ä", "\uffee", "𝄞")
    )


def test_quantities_are_sorted_as_wholes() -> None:
    quantities = [
        {"uom": "KGM", "quantity": 60.0, "epcClass": "urn:epc:class:lgtin:9521234.012345.L2"},
        {"epcClass": "urn:epc:class:lgtin:9521234.012345.L1"},
    ]
    assert spelled(quantityList=quantities) == (
        "quantityListquantityElementepcClass=https://id.gs1.org/01/09521234123453/10/L1"
        "quantityElementepcClass=https://id.gs1.org/01/09521234123453/10/L2quantity=60uom=KGM"
    )


@pytest.mark.parametrize(
    "empty",
    [
        {"epcList": []},
        {"quantityList": []},
        {"bizTransactionList": []},
        {"sensorElementList": []},
        {"roast:a": []},
        {"readPoint": {}},
        {"persistentDisposition": {}},
        {"bizStep": "  "},
    ],
)
def test_empty_lists_and_empty_fields_are_absent(empty: dict[str, Any]) -> None:
    assert spelled(**empty) == ""


def test_an_extension_without_a_value_is_its_name_alone() -> None:
    assert spelled(**{"roast:a": " ", "roast:b": {}}) == f"{{{NS}}}a{{{NS}}}b"


def test_equal_namespaces_under_other_prefixes_hash_the_same() -> None:
    other = [GS1, {"burn": NS, "unused": "https://unused.example/"}]
    assert event_hash(roasting(**{"burn:a": {"burn:b": "x"}}), other) == event_hash(
        roasting(**{"roast:a": {"roast:b": "x"}}), CONTEXT
    )


def test_white_space_around_a_value_is_cut_off() -> None:
    assert spelled(**{"roast:a": " \t dark roast \u00a0\n"}) == f"{{{NS}}}a=dark roast"


def test_old_cbv_urns_are_the_words_of_the_web_vocabulary() -> None:
    text = spelled(
        bizStep="urn:epcglobal:cbv:bizstep:shipping",
        disposition="urn:epcglobal:cbv:disp:in_transit",
        bizTransactionList=[{"type": "urn:epcglobal:cbv:btt:po", "bizTransaction": "urn:epcglobal:cbv:bt:9521:1"}],
        sourceList=[{"type": "urn:epcglobal:cbv:sdt:location", "source": "urn:example:p"}],
    )
    assert text == (
        "bizStep=https://ref.gs1.org/cbv/BizStep-shippingdisposition=https://ref.gs1.org/cbv/Disp-in_transit"
        "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:epcglobal:cbv:bt:9521:1"
        "sourceListtype=https://ref.gs1.org/cbv/SDT-locationsource=urn:example:p"
    )


def test_extensions_of_places_and_sensors_stand_at_the_end_of_what_they_extend() -> None:
    text = spelled(
        readPoint={"roast:dock": "5", "id": "urn:example:p"},
        sensorElementList=[
            {
                "roast:probe": 1,
                "sensorMetadata": {"roast:b": {"roast:c": 2}, "deviceID": "urn:example:d"},
                "sensorReport": [{"roast:z": 1, "roast:a": 1, "type": "Time", "uom": "SEC"}],
            }
        ],
    )
    assert text == (
        f"readPointid=urn:example:p{{{NS}}}dock=5"
        f"sensorElementListsensorElementsensorMetadatadeviceID=urn:example:d{{{NS}}}b{{{NS}}}c=2"
        f"sensorReporttype=https://gs1.org/voc/Timeuom=SEC{{{NS}}}a=1{{{NS}}}z=1{{{NS}}}probe=1"
    )


def test_a_field_without_a_place_in_the_order_stands_at_the_end_under_its_parents() -> None:
    """`bizRules` of a sensor report: GS1's schema allows it, the canonical order forgot it, a vector shows it."""
    report = {"type": "Time", "bizRules": "urn:epc:id:gdti:9521234.00001.7"}
    assert spelled(sensorElementList=[{"sensorReport": [report]}], **{"roast:a": 1}) == (
        "sensorElementListsensorElementsensorReporttype=https://gs1.org/voc/Time"
        "sensorElementListsensorElementsensorReportbizRules=https://id.gs1.org/253/95212340000137"
        f"{{{NS}}}a=1"
    )


def test_an_extension_that_is_named_like_a_list_is_an_extension_like_any_other() -> None:
    """The reference gives its items a name without "List", in JSON but not in XML: one fact, two hashes."""
    assert spelled(**{"roast:cupList": ["b", "a"]}) == f"{{{NS}}}cupList=a{{{NS}}}cupList=b"


@pytest.mark.parametrize("odd", [5, "x", True, ["x", ["y"]], {"x": [{"y": 1}]}, [{"type": "po"}, [[]]]])
def test_what_the_schema_forbids_still_has_a_hash(odd: Any) -> None:
    fields = [
        "epcList",
        "quantityList",
        "readPoint",
        "bizStep",
        "action",
        "bizTransactionList",
        "sensorElementList",
        "ilmd",
        "id",
    ]
    for field in [*fields, "persistentDisposition", "sourceList", "certificationInfo"]:
        changed = event_hash(roasting(**{field: odd}), CONTEXT)
        assert changed != event_hash(roasting(), CONTEXT), field


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2026-03-01T10:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), json_values, max_size=8))
def test_whatever_an_event_holds_it_has_a_hash_or_is_malformed(members: dict[str, Any]) -> None:
    event = roasting(**members)
    try:
        check_event(event)
        check_context(CONTEXT, event.get("@context"))
        digest = event_hash(event, CONTEXT)
    except MalformedJson:
        return
    assert event_hash(dict(reversed(event.items())), CONTEXT) == digest


def test_a_time_that_is_none_has_no_hash() -> None:
    with pytest.raises(MalformedJson, match="is no date-time"):
        event_hash(roasting(eventTime="yesterday"), CONTEXT)
    with pytest.raises(MalformedJson, match="must be a date-time"):
        event_hash(roasting(sensorElementList=[{"sensorMetadata": {"time": 5}}]), CONTEXT)


def test_half_a_surrogate_pair_has_no_hash() -> None:
    with pytest.raises(MalformedJson, match="surrogate"):
        event_hash(roasting(**{"roast:a": "\ud800"}), CONTEXT)


def test_a_hash_id_wraps_the_digest_and_gives_it_back() -> None:
    digest = event_hash(roasting(), CONTEXT)
    assert len(digest) == 32
    assert hash_id(digest) == f"ni:///sha-256;{digest.hex()}?ver=CBV2.0"
    assert digest_of_hash_id(hash_id(digest)) == digest
    for other in ("urn:uuid:1", hash_id(digest) + "x", hash_id(digest)[:-1], f"ni:///sha-384;{'0' * 64}?ver=CBV2.0"):
        assert digest_of_hash_id(other) is None


def test_fields_that_a_document_declares_as_no_facts_can_be_left_out() -> None:
    context = [*CONTEXT, {"store": "https://repository-x.example.com/"}]
    namespaces = namespaces_of(context)
    document = {"@context": context, "store:ignoreFields": ["roast:captureID"], "epcisBody": {}}
    queried = {"epcisBody": {"queryResults": {"store:ignoreFields": ["roast:captureID"]}}}
    left_out = left_out_members(document, namespaces)
    assert left_out == {f"{{{NS}}}captureID"} == left_out_members(queried, namespaces)
    assert prehash(roasting(**{"roast:captureID": 5}), namespaces, left_out) == prehash(roasting(), namespaces)
    assert left_out_members({"epcisBody": []}, namespaces) == frozenset()
