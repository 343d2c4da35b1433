// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// attest, what comes of an attestation that counts
// ├── fewer than the threshold state the same             keeps it: the order's version rises, no item's
// ├── enough state the same, but nothing was accepted     fixes nothing
// ├── one of them is on a record withdrawn by now         does not count it
// └── enough state the same                               agrees
//     ├── gross    what all deliveries are worth by now, less what earlier ones took; at most what the rest holds
//     ├── reduction  lateness of the earliest among them, up to its cap, and the deduction, up to its own
//     └── window   from now on; a day at least while the rest is disputed
contract AgreeTest is Deal {
    // -------------------------------------------------------------------------------------------------------- who

    function test_one_of_one_agrees_at_once() public {
        bytes32 order = funded(terms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 100);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        bytes memory signature = signed(roaster, said);
        vm.expectEmit();
        emit IDeliveryEscrow.Attested(
            order, 0, said.delivery, roaster.account, roaster.account, said.recordHash, START, 100, 0
        );
        vm.expectEmit();
        emit IDeliveryEscrow.DeliveryAgreed(order, 0, said.delivery, 100, PRICE / 5, 0, START + WINDOW);
        escrow.attest(said, signature, evidence);

        IDeliveryEscrow.Item memory expected = IDeliveryEscrow.Item({
            held: PRICE / 5,
            reduction: 0,
            disputableUntil: START + WINDOW,
            settleableFrom: START + WINDOW,
            version: 1,
            isDisputed: false,
            isEnded: false,
            exists: true
        });
        vm.assertEq(abi.encode(item(order, said.delivery)), abi.encode(expected), "item");
        assertHeld(order, REST, PRICE - PRICE / 5);
        vm.assertEq(item(order, REST).version, 2, "the rest's version");
        vm.assertEq(version(order), 4, "the order's version");
        vm.assertEq(escrow.orderOf(order).openItems, 2, "open items");
        assertProgress(order, PRICE / 5, 100);
    }

    function test_the_majority_agrees() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 100);
        attest(roaster, said);
        vm.assertTrue(!item(order, said.delivery).exists, "one of three");
        vm.assertEq(version(order), 4, "the order's version");
        vm.assertEq(item(order, REST).version, 1, "no item's");
        said.recordHash = "the inspector's";
        attest(inspector, said);
        assertHeld(order, said.delivery, PRICE / 5);
    }

    function test_those_who_state_something_else_agree_nothing() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 100);
        attest(roaster, said);
        said.recordHash = "the inspector's";
        said.accepted = 99;
        attest(inspector, said);
        vm.assertTrue(!item(order, said.delivery).exists, "another quantity");
        said.recordHash = "the carrier's";
        said.deductionBps = 1;
        attest(carrier, said);
        vm.assertTrue(!item(order, said.delivery).exists, "another deduction");
    }

    function test_deductions_beyond_the_cap_are_equal() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 100);
        said.deductionBps = 2_000;
        attest(roaster, said);
        said.recordHash = "the inspector's";
        said.deductionBps = 9_000;
        attest(inspector, said);
        vm.assertEq(item(order, said.delivery).reduction, 2_000, "reduction");
    }

    function test_all_three_have_to_state_it_where_the_threshold_says_so() public {
        IDeliveryEscrow.Terms memory wanted = inspectedTerms();
        wanted.milestones[0].threshold = 3;
        bytes32 order = funded(wanted);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 100);
        attest(roaster, said);
        attest(inspector, said);
        vm.assertTrue(!item(order, said.delivery).exists, "two of three");
        attest(carrier, said);
        vm.assertTrue(item(order, said.delivery).exists, "three of three");
    }

    function test_a_record_withdrawn_by_then_agrees_nothing() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 100);
        attest(roaster, said);
        withdraw(roaster, said.recordHash);
        attest(inspector, said);
        vm.assertTrue(!item(order, said.delivery).exists, "the roaster's counts no more");
        attest(carrier, said);
        vm.assertTrue(item(order, said.delivery).exists, "the two others agree");
    }

    function test_a_record_withdrawn_after_agreement_changes_nothing() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", BAGS);
        withdraw(roaster, keccak256("first"));
        vm.warp(START + WINDOW);
        escrow.settle(order, 0, delivery);
        assertCredit(grower.account, PRICE);
    }

    function test_nothing_accepted_fixes_nothing() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 0);
        attest(roaster, said);
        attest(inspector, said);
        attest(carrier, said);
        vm.assertTrue(!item(order, said.delivery).exists, "nothing is agreed");
        // Two of them look again.
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        vm.prank(carrier.account);
        escrow.takeBack(order, 0, said.delivery);
        said.accepted = 7;
        attest(roaster, said);
        attest(carrier, said);
        vm.assertTrue(item(order, said.delivery).exists, "now it is");
    }

    // ------------------------------------------------------------------------------------------------- how much

    function test_the_gross_is_in_proportion_rounded_down_over_all_deliveries() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.milestones[0].amount = 100;
        wanted.milestones[0].ordered = 3;
        bytes32 order = funded(wanted);
        assertHeld(order, deliver(order, "first", 1), 33);
        assertHeld(order, deliver(order, "second", 1), 33);
        assertHeld(order, deliver(order, "third", 1), 34);
        assertHeld(order, REST, 0);
        assertProgress(order, 100, 3);
    }

    function test_what_is_delivered_too_much_is_recorded_and_pays_nothing() public {
        bytes32 order = funded(terms());
        bytes32 most = deliver(order, "first", BAGS - 1);
        bytes32 last = deliver(order, "second", 5);
        bytes32 more = deliver(order, "third", 5);
        assertHeld(order, most, PRICE - PRICE / BAGS);
        assertHeld(order, last, PRICE / BAGS);
        IDeliveryEscrow.Item memory over = item(order, more);
        vm.assertTrue(over.exists && over.isEnded && over.held == 0, "nothing is in it");
        vm.assertTrue(!item(order, REST).isEnded, "more may come while the order is open");
        assertProgress(order, PRICE, BAGS + 9);
        vm.assertEq(escrow.orderOf(order).openItems, 2, "open items");
        vm.expectRevert(nothingHeld(order, more));
        escrow.settle(order, 0, more);
    }

    function test_the_largest_quantities_overflow_nothing() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.milestones[0].amount = type(uint128).max;
        wanted.milestones[0].ordered = type(uint128).max;
        token.mint(roaster.account, type(uint128).max);
        bytes32 order = accepted(wanted);
        vm.prank(roaster.account);
        token.approve(address(escrow), type(uint128).max);
        vm.prank(roaster.account);
        escrow.fund(order);
        assertHeld(order, deliver(order, "first", type(uint128).max - 1), type(uint128).max - 1);
        assertHeld(order, deliver(order, "second", type(uint128).max), 1);
        assertProgress(order, type(uint128).max, type(uint128).max);
    }

    function test_what_was_divided_is_not_there_for_deliveries() public {
        bytes32 order = funded(terms());
        divideRest(order, PRICE / 4, PRICE / 4);
        assertHeld(order, deliver(order, "first", BAGS * 2 / 5), PRICE * 2 / 5);
        assertHeld(order, deliver(order, "second", BAGS * 3 / 5), PRICE / 10);
        assertProgress(order, PRICE / 2, BAGS);
    }

    function test_a_small_delivery_takes_what_the_rest_has_though_half_was_divided() public {
        bytes32 order = funded(terms());
        divideRest(order, PRICE / 2, 0);
        assertHeld(order, deliver(order, "first", BAGS / 2), PRICE / 2);
        assertHeld(order, REST, 0);
    }

    // ----------------------------------------------------------------------------------------------- less how much

    function test_every_begun_day_is_late() public {
        assertReduction(DUE, 0, 0);
        assertReduction(DUE + 1, 0, 100);
        assertReduction(DUE + 1 days, 0, 100);
        assertReduction(DUE + 1 days + 1, 0, 200);
        assertReduction(DUE + 5 days, 0, 500);
        assertReduction(DUE + 9 days, 0, 500);
    }

    function test_a_deduction_comes_on_top_of_lateness() public {
        assertReduction(DUE, 1_234, 1_234);
        assertReduction(DUE + 1, 1_234, 1_334);
        assertReduction(DUE + 9 days, 2_001, 2_500);
        assertReduction(DUE + 9 days, type(uint16).max, 2_500);
    }

    function test_nothing_reduces_by_more_than_all() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.milestones[0].lateBps = 10_000;
        wanted.milestones[0].lateCapBps = 9_000;
        wanted.milestones[0].deductionCapBps = 9_000;
        bytes32 order = funded(wanted);
        vm.warp(DUE + 3 days);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        said.deductionBps = 8_000;
        attest(roaster, said);
        vm.assertEq(item(order, said.delivery).reduction, 10_000, "reduction");
    }

    function test_the_earliest_of_those_who_agree_says_how_late() public {
        bytes32 order = funded(inspectedTerms());
        vm.warp(DUE + 3 days);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        attest(roaster, said);
        said.happenedAt = DUE + 1;
        attest(inspector, said);
        vm.assertEq(item(order, said.delivery).reduction, 100, "one day");

        said = statement(order, "second", 1);
        said.happenedAt = DUE;
        attest(inspector, said);
        said.happenedAt = DUE + 2 days;
        attest(roaster, said);
        vm.assertEq(item(order, said.delivery).reduction, 0, "not late");
    }

    function test_who_does_not_agree_says_nothing_about_lateness() public {
        bytes32 order = funded(inspectedTerms());
        vm.warp(DUE + 3 days);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        said.happenedAt = DUE;
        said.accepted = 1;
        attest(carrier, said);
        said = statement(order, "first", BAGS);
        attest(roaster, said);
        attest(inspector, said);
        vm.assertEq(item(order, said.delivery).reduction, 300, "three days");
    }

    // -------------------------------------------------------------------------------------------------- how long

    function test_a_delivery_without_window_is_settled_at_once() public {
        bytes32 order = funded(promptTerms());
        bytes32 delivery = deliver(order, "first", 1);
        vm.assertEq(item(order, delivery).disputableUntil, START, "no window");
        escrow.settle(order, 0, delivery);
        assertCredit(grower.account, PRICE / BAGS);
    }

    function test_while_the_rest_is_disputed_a_delivery_may_be_disputed_for_a_day_at_least() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.milestones[0].window = 0;
        bytes32 order = funded(wanted);
        vm.warp(DUE + GRACE);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        later(1);
        vm.prank(grower.account);
        escrow.dispute(order, 0, REST);
        escrow.attest(said, signed(roaster, said), evidence);
        vm.assertEq(item(order, said.delivery).disputableUntil, DUE + GRACE + 1 + 1 days, "a day");
    }

    function test_a_longer_window_stays_as_it_is() public {
        bytes32 order = funded(terms());
        vm.warp(DUE + GRACE);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        later(1);
        vm.prank(grower.account);
        escrow.dispute(order, 0, REST);
        escrow.attest(said, signed(roaster, said), evidence);
        vm.assertEq(item(order, said.delivery).disputableUntil, DUE + GRACE + 1 + WINDOW, "its own");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function assertProgress(bytes32 order, uint128 expectedTaken, uint128 expectedAccepted) private view {
        (, uint128 taken, uint128 delivered) = escrow.milestoneOf(order, 0);
        vm.assertEq(taken, expectedTaken, "taken");
        vm.assertEq(delivered, expectedAccepted, "accepted");
    }

    function assertReduction(uint64 happenedAt, uint16 deductionBps, uint16 expected) private {
        vm.warp(START);
        bytes32 order = funded(terms());
        vm.warp(happenedAt);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        said.recordHash = keccak256(abi.encode(happenedAt, deductionBps));
        said.deductionBps = deductionBps;
        attest(roaster, said);
        vm.assertEq(item(order, said.delivery).reduction, expected, "reduction");
    }

    function divideRest(bytes32 order, uint128 toPayee, uint128 toBuyer) private {
        IDeliveryEscrow.Division memory division =
            IDeliveryEscrow.Division(order, 0, REST, item(order, REST).version, toPayee, toBuyer, FOREVER);
        bytes memory signature = sign(grower, escrow.divisionDigest(division));
        vm.prank(roaster.account);
        escrow.divide(division, signature);
    }
}
