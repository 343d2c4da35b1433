"""trace: every event that concerns a product
├── backward
│   ├── its own events, in the order of time, then arrival
│   ├── the containers it was inside, from ADD until just before DELETE
│   │   ├── nested: bag in case in pallet in container
│   │   ├── a DELETE without children takes all out
│   │   ├── an OBSERVE shows it inside from then on
│   │   ├── put into another container, it has left the first
│   │   └── void events move nothing
│   ├── lots: by quantity, in several containers at once
│   ├── what it was made from, until that was used
│   └── shared transformations, whichever side an event has
├── forward: what became of a lot
└── bounded: a walk that finds too much says so
"""

from __future__ import annotations

import pytest

from tests.traceability.stories import (
    BAG,
    CASE,
    CHERRIES,
    CONTAINER,
    CRATE,
    GREEN,
    OTHER_BAG,
    OTHER_CASE,
    OTHER_GREEN,
    OTHER_PALLET,
    PALLET,
    PARCHMENT,
    PROBE,
    ROASTED,
    THIRD_BAG,
    Story,
    attached,
    event,
    lot_packed,
    lot_seen,
    made,
    packed,
    seen,
)
from traceability.identifiers import canonical
from traceability.lineage import Direction, Link, Reason, Relation, trace


def test_a_product_has_its_own_events_in_the_order_of_time_then_arrival() -> None:
    story = Story(seen(5, BAG), seen(1, BAG, action="ADD"), seen(5, BAG), seen(3, OTHER_BAG))
    assert story.back(BAG) == [1, 0, 2]


def test_either_spelling_of_an_identifier_finds_the_same_events() -> None:
    story = Story(seen(1, BAG), seen(2, "https://id.gs1.org/01/09524321555557/21/1"))
    assert story.back(BAG) == story.back("https://id.gs1.org/01/09524321555557/21/1") == [0, 1]


def test_events_of_a_class_do_not_concern_its_instances() -> None:
    trade_item = "urn:epc:idpat:sgtin:9524321.055555.*"
    story = Story(lot_seen(1, trade_item), seen(2, BAG))
    assert story.back(BAG) == [1]
    assert story.back(trade_item) == [0]


class TestContainers:
    def test_a_child_shares_its_pallets_journey_only_while_inside(self) -> None:
        story = Story(
            seen(0, PALLET),
            packed(1, PALLET, BAG),
            seen(2, PALLET),
            packed(3, PALLET, BAG, action="DELETE"),
            seen(4, PALLET),
        )
        assert story.back(BAG) == [1, 2, 3]

    def test_what_the_pallet_did_at_the_moment_of_the_delete_is_no_longer_shared_that_of_the_add_is(self) -> None:
        story = Story(seen(1, PALLET), packed(1, PALLET, BAG), packed(3, PALLET, BAG, action="DELETE"), seen(3, PALLET))
        assert story.back(BAG) == [0, 1, 2]

    def test_a_bag_in_a_case_on_a_pallet_in_a_container_shares_all_three_journeys(self) -> None:
        story = Story(
            packed(1, CASE, BAG, OTHER_BAG),
            packed(2, PALLET, CASE),
            packed(3, CONTAINER, PALLET),
            seen(4, CONTAINER, bizStep="departing"),
            packed(5, CONTAINER, PALLET, action="DELETE"),
            seen(6, CONTAINER),
            seen(7, PALLET),
            packed(8, CASE, BAG, action="DELETE"),
            seen(9, PALLET),
            seen(10, CASE),
        )
        assert story.back(BAG) == [0, 1, 2, 3, 4, 6, 7]
        assert story.back(OTHER_BAG) == [0, 1, 2, 3, 4, 6, 7, 8, 9]

    def test_a_bag_put_into_a_case_that_is_already_on_a_pallet_travels_on_that_pallet(self) -> None:
        story = Story(
            packed(1, OTHER_PALLET, CASE),
            packed(2, PALLET, CASE),
            seen(3, PALLET),
            packed(4, CASE, BAG),
            seen(5, PALLET),
            seen(5, OTHER_PALLET),
        )
        assert story.back(BAG) == [3, 4]

    def test_a_delete_without_children_takes_all_of_them_out_and_is_part_of_their_history(self) -> None:
        story = Story(
            packed(1, PALLET, BAG),
            seen(2, PALLET),
            packed(3, PALLET, action="DELETE"),
            seen(4, PALLET),
        )
        assert story.back(BAG) == [0, 1, 2]

    def test_a_pallet_emptied_before_the_bag_came_carried_it_all_the_same(self) -> None:
        story = Story(
            packed(1, PALLET, OTHER_BAG), packed(2, PALLET, action="DELETE"), packed(3, PALLET, BAG), seen(4, PALLET)
        )
        assert story.back(BAG) == [2, 3]
        assert story.back(OTHER_BAG) == [0, 1]

    def test_a_bag_that_is_packed_again_after_its_pallet_was_emptied_has_two_stays(self) -> None:
        story = Story(
            packed(1, PALLET, BAG),
            packed(2, PALLET, action="DELETE"),
            seen(3, PALLET),
            packed(4, PALLET, BAG),
            seen(5, PALLET),
        )
        assert story.back(BAG) == [0, 1, 3, 4]

    def test_a_case_that_is_taken_off_with_all_others_takes_its_bags_along(self) -> None:
        story = Story(
            packed(1, CASE, BAG), packed(2, PALLET, CASE), packed(3, PALLET, action="DELETE"), seen(4, PALLET)
        )
        assert story.back(BAG) == [0, 1, 2]

    def test_an_observation_of_a_parent_with_its_children_shows_them_inside_from_then_on(self) -> None:
        story = Story(seen(1, PALLET), packed(2, PALLET, BAG, action="OBSERVE"), seen(3, PALLET))
        assert story.back(BAG) == [1, 2]

    def test_put_into_another_case_a_bag_has_left_the_first(self) -> None:
        story = Story(packed(1, CASE, BAG), packed(2, OTHER_CASE, BAG), seen(3, CASE), seen(4, OTHER_CASE))
        assert story.back(BAG) == [0, 1, 3]

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_listing_a_pallets_bags_beside_its_cases_does_not_take_them_out_of_the_cases(
        self, order: tuple[int, int]
    ) -> None:
        last = [packed(2, PALLET, BAG), packed(2, PALLET, CASE)]
        story = Story(packed(1, CASE, BAG), *(last[index] for index in order), seen(3, CASE), seen(4, PALLET))
        assert story.back(BAG) == [0, 1, 2, 3, 4]

    def test_a_bag_that_is_sold_out_of_existence_travels_no_further(self) -> None:
        story = Story(packed(1, CASE, BAG), seen(2, BAG, action="DELETE"), seen(3, CASE))
        assert story.back(BAG) == [0, 1]

    def test_a_transaction_that_names_the_parent_concerns_what_is_inside(self) -> None:
        sale = event("TransactionEvent", 2, action="ADD", parentID=PALLET, epcList=[CASE],
                     bizTransactionList=[{"bizTransaction": "urn:epcglobal:cbv:bt:9524321000000:PO-1"}])  # fmt: skip
        story = Story(packed(1, PALLET, BAG), sale)
        assert story.back(BAG) == story.back(PALLET) == [0, 1]

    def test_things_packed_in_a_circle_end_the_walk(self) -> None:
        story = Story(packed(1, CASE, PALLET), packed(1, PALLET, CASE), packed(1, CASE, BAG), packed(1, CASE, CASE))
        assert story.back(BAG) == [0, 1, 2, 3]

    def test_a_parent_is_not_concerned_by_what_its_children_do_alone(self) -> None:
        story = Story(packed(1, PALLET, BAG), seen(2, BAG))
        assert story.back(PALLET) == [0]

    def test_a_probe_shares_the_crate_that_it_is_attached_to_until_it_is_detached(self) -> None:
        story = Story(attached(1, CRATE, PROBE), seen(2, CRATE), attached(3, CRATE, action="DELETE"), seen(4, CRATE))
        assert story.back(PROBE) == [0, 1, 2]

    def test_attachment_and_packing_are_two_kinds_of_being_together(self) -> None:
        story = Story(attached(1, CRATE, PROBE), packed(2, PALLET, PROBE), seen(3, CRATE), seen(4, PALLET))
        assert story.back(PROBE) == [0, 1, 2, 3]

    def test_a_void_add_puts_nothing_in_but_is_shown(self) -> None:
        story = Story(packed(1, PALLET, BAG), seen(2, PALLET), packed(3, CASE, BAG), seen(4, CASE), void=[0])
        assert story.back(BAG) == [0, 2, 3]

    def test_a_void_delete_takes_nothing_out(self) -> None:
        story = Story(packed(1, PALLET, BAG), packed(2, PALLET, action="DELETE"), seen(3, PALLET), void=[1])
        assert story.back(BAG) == [0, 1, 2]


class TestLots:
    def test_a_lot_can_be_on_two_pallets_at_once(self) -> None:
        story = Story(
            lot_packed(1, PALLET, GREEN, 40),
            lot_packed(2, OTHER_PALLET, GREEN, 60),
            seen(3, PALLET),
            seen(4, OTHER_PALLET),
        )
        assert story.back(GREEN) == [0, 1, 2, 3]

    def test_a_lot_stays_until_all_of_it_has_been_taken_out(self) -> None:
        story = Story(
            lot_packed(1, PALLET, GREEN, 40),
            lot_packed(2, PALLET, GREEN, 20.5),
            lot_packed(3, PALLET, GREEN, 50, action="DELETE"),
            seen(4, PALLET),
            lot_packed(5, PALLET, GREEN, 10.5, action="DELETE"),
            seen(6, PALLET),
        )
        assert story.back(GREEN) == [0, 1, 2, 3, 4]

    def test_a_lot_of_unknown_quantity_is_out_with_the_first_delete_that_names_it(self) -> None:
        story = Story(lot_packed(1, PALLET, GREEN), lot_packed(2, PALLET, GREEN, 5, action="DELETE"), seen(3, PALLET))
        assert story.back(GREEN) == [0, 1]

    def test_a_lot_that_is_partly_used_goes_on_travelling(self) -> None:
        story = Story(lot_packed(1, PALLET, GREEN, 40), made(2, [GREEN], [ROASTED]), seen(3, PALLET))
        assert story.back(GREEN) == [0, 1, 2]


class TestMadeFrom:
    def test_a_product_has_the_history_of_its_inputs_until_they_were_used(self) -> None:
        story = Story(
            lot_seen(0, CHERRIES, action="ADD"),
            made(10, [CHERRIES], [PARCHMENT]),
            made(20, [PARCHMENT], [GREEN]),
            lot_packed(25, CONTAINER, GREEN, 600),
            seen(26, CONTAINER),
            made(30, [GREEN, OTHER_GREEN], [ROASTED]),
            lot_seen(35, GREEN),
            seen(36, CONTAINER),
            made(40, [ROASTED], [BAG, OTHER_BAG]),
            packed(50, CASE, BAG),
            seen(60, CASE),
            seen(61, OTHER_BAG),
        )
        assert story.back(BAG) == [0, 1, 2, 3, 4, 5, 8, 9, 10]

    def test_what_an_input_did_at_the_moment_of_its_use_still_counts(self) -> None:
        story = Story(made(1, [GREEN], [ROASTED]), lot_seen(1, GREEN), lot_seen(1.0001, GREEN))
        assert story.back(ROASTED) == [0, 1]

    def test_transformations_that_share_an_id_are_one_whichever_side_each_of_them_has(self) -> None:
        run = "urn:epc:id:gdti:9524321.00001.run-7"
        story = Story(
            lot_seen(0, GREEN),
            lot_seen(0, OTHER_GREEN),
            made(1, [GREEN], [], run),
            made(2, [], [ROASTED], run),
            made(3, [OTHER_GREEN], [], run),
            made(4, [], [BAG], run),
        )
        assert story.back(ROASTED) == [0, 1, 2, 3, 4]
        assert story.back(BAG) == [0, 1, 2, 4, 5]
        assert story.forward(GREEN) == [0, 2, 3, 5]
        assert story.back(run) == [0, 1, 2, 3, 4, 5]

    def test_using_up_a_sack_uses_up_what_is_in_it(self) -> None:
        story = Story(
            lot_seen(0, GREEN),
            lot_packed(1, CRATE, GREEN, 60),
            packed(2, CRATE, OTHER_BAG),
            packed(3, CRATE, OTHER_BAG, action="DELETE"),
            made(4, [CRATE], [ROASTED]),
            seen(5, OTHER_BAG),
        )
        assert story.back(ROASTED) == [0, 1, 2, 3, 4]
        assert canonical(OTHER_BAG) not in {link.thing for link in trace(story, ROASTED, Direction.BACKWARD).links}

    def test_a_void_transformation_leads_nowhere(self) -> None:
        story = Story(lot_seen(0, GREEN), made(1, [GREEN], [ROASTED]), void=[1])
        assert story.back(ROASTED) == [1]


class TestForward:
    def test_what_became_of_a_lot_are_its_containers_and_all_that_was_made_from_it(self) -> None:
        story = Story(
            lot_seen(0, GREEN),
            lot_packed(1, CONTAINER, GREEN, 60),
            seen(2, CONTAINER),
            made(3, [GREEN, OTHER_GREEN], [ROASTED]),
            lot_seen(4, OTHER_GREEN),
            made(5, [ROASTED], [BAG]),
            packed(6, CASE, BAG, THIRD_BAG),
            seen(7, CASE),
            seen(8, THIRD_BAG),
        )
        assert story.forward(GREEN) == [0, 1, 2, 3, 5, 6, 7]
        assert story.forward(OTHER_BAG) == []

    def test_a_lot_in_a_crate_that_is_used_up_went_into_what_was_made(self) -> None:
        story = Story(lot_packed(1, CRATE, GREEN), made(2, [CRATE], [ROASTED]), lot_seen(3, ROASTED))
        assert story.forward(GREEN) == [0, 1, 2]

    def test_outputs_count_from_the_moment_that_they_were_made(self) -> None:
        story = Story(lot_seen(0, ROASTED), made(2, [GREEN], [ROASTED]), lot_seen(3, ROASTED))
        assert story.forward(GREEN) == [1, 2]


class TestTheAnswer:
    story = Story(
        lot_seen(0, GREEN), made(1, [GREEN], [BAG]), packed(2, CASE, BAG), packed(3, PALLET, CASE), seen(4, PALLET)
    )

    def test_each_event_says_why_it_is_there(self) -> None:
        bag, case, pallet, green = (canonical(thing) for thing in (BAG, CASE, PALLET, GREEN))
        assert [step.reason for step in trace(self.story, BAG, Direction.BACKWARD).steps] == [
            Reason(Relation.MADE_FROM, green, bag),
            Reason(Relation.ITSELF, bag, None),
            Reason(Relation.ITSELF, bag, None),
            Reason(Relation.TRAVELLED_IN, case, bag),
            Reason(Relation.TRAVELLED_IN, pallet, case),
        ]

    def test_the_graph_joins_each_thing_to_the_next(self) -> None:
        links = trace(self.story, BAG, Direction.BACKWARD).links
        bag, case, pallet, green = (canonical(thing) for thing in (BAG, CASE, PALLET, GREEN))
        assert {(link.relation, link.thing, link.of) for link in links} == {
            (Relation.MADE_FROM, green, bag),
            (Relation.TRAVELLED_IN, case, bag),
            (Relation.TRAVELLED_IN, pallet, case),
        }
        assert all(isinstance(link, Link) for link in links)

    def test_a_walk_that_finds_more_than_the_limit_says_so(self) -> None:
        assert not trace(self.story, BAG, Direction.BACKWARD, limit=5).is_truncated
        assert trace(self.story, BAG, Direction.BACKWARD, limit=4).is_truncated

    def test_a_thing_of_which_nobody_speaks_has_no_events(self) -> None:
        assert trace(self.story, THIRD_BAG, Direction.BACKWARD).steps == ()
