// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// settle
// ├── given there is no such item                       reverts UnknownItem
// ├── given it holds nothing                            reverts NothingHeld
// ├── when its time for dispute has not passed          reverts NotSettleable
// ├── when it is disputed and arbitration may still be  reverts NotSettleable
// └── otherwise                                         anyone settles it, once
//     ├── ⌊held × (10,000 − reduction) / 10,000⌋ to the payee, the remainder to the buyer
//     ├── of the payee's part each split gets its floor
//     ├── a rest goes to the buyer whole, and takes no deliveries any more
//     └── with the last that holds money the order ends
contract SettleTest is Deal {
    function test_only_an_item_is_settled() public {
        vm.expectRevert(unknownItem("nothing", REST));
        escrow.settle("nothing", 0, REST);
        bytes32 order = accepted(terms());
        vm.expectRevert(unknownItem(order, REST));
        escrow.settle(order, 0, REST);
        order = funded(terms());
        vm.expectRevert(unknownItem(order, "no delivery"));
        escrow.settle(order, 0, "no delivery");
    }

    function test_a_delivery_is_settled_once_its_window_has_passed_and_once() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", 100);
        vm.warp(START + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotSettleable.selector, START + WINDOW));
        escrow.settle(order, 0, delivery);
        later(1);
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(
            order, 0, delivery, IDeliveryEscrow.Cause.Settled, grower.account, PRICE / 5, 0, 0, 0
        );
        vm.expectEmit();
        emit IDeliveryEscrow.Credited(order, grower.account, address(token), PRICE / 5);
        vm.prank(stranger.account);
        escrow.settle(order, 0, delivery);
        assertCredit(grower.account, PRICE / 5);
        vm.assertEq(version(order), 5, "the order's version");
        IDeliveryEscrow.Item memory settled = item(order, delivery);
        vm.assertTrue(settled.isEnded && settled.version == 2, "the item");
        vm.assertEq(token.balanceOf(address(escrow)), PRICE, "nothing is sent while it is computed");

        vm.expectRevert(nothingHeld(order, delivery));
        escrow.settle(order, 0, delivery);
    }

    function test_a_disputed_item_waits_for_the_arbiter_until_its_time_has_passed() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        vm.warp(START + WINDOW + ARBITRATION - 1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotSettleable.selector, START + WINDOW + ARBITRATION));
        escrow.settle(order, 0, delivery);
        later(1);
        escrow.settle(order, 0, delivery);
        assertCredit(grower.account, PRICE);
    }

    function test_a_dispute_stops_that_item_alone() public {
        bytes32 order = funded(terms());
        bytes32 other = deliver(order, "other", 1);
        bytes32 delivery = deliver(order, "first", 100);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, delivery);
        vm.warp(START + WINDOW);
        escrow.settle(order, 0, other);
        assertCredit(grower.account, PRICE / BAGS);
    }

    function test_what_the_reduction_leaves_is_rounded_down_and_the_buyer_gets_the_remainder() public {
        IDeliveryEscrow.Terms memory wanted = sharedTerms();
        wanted.milestones[0].amount = 1_001;
        bytes32 order = funded(wanted);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        said.deductionBps = 1_234;
        attest(roaster, said);
        vm.warp(START + WINDOW);
        // 1,001 × 0.8766 = 877.47; 877 × 0.0333 = 29.2; 877 × 0.05 = 43.85
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(
            order, 0, said.delivery, IDeliveryEscrow.Cause.Settled, grower.account, 877 - 29 - 43, 29 + 43, 124, 0
        );
        vm.expectEmit();
        emit IDeliveryEscrow.Credited(order, grower.account, address(token), 877 - 29 - 43);
        vm.expectEmit();
        emit IDeliveryEscrow.Credited(order, cooperative.account, address(token), 29);
        vm.expectEmit();
        emit IDeliveryEscrow.Credited(order, carrier.account, address(token), 43);
        vm.expectEmit();
        emit IDeliveryEscrow.Credited(order, roaster.account, address(token), 124);
        escrow.settle(order, 0, said.delivery);
        assertCredit(roaster.account, 124);
    }

    function test_splits_may_take_all_and_name_one_party_twice() public {
        IDeliveryEscrow.Terms memory wanted = sharedTerms();
        wanted.splits[0] = IDeliveryEscrow.Split(grower.account, 5_000);
        wanted.splits[1] = IDeliveryEscrow.Split(grower.account, 5_000);
        wanted.milestones[0].amount = 7;
        bytes32 order = funded(wanted);
        deliver(order, "first", BAGS);
        vm.warp(START + WINDOW);
        escrow.settle(order, 0, deliveryOf(order, "first"));
        assertCredit(grower.account, 7);
    }

    function test_the_rest_goes_back_to_the_buyer_after_due_grace_and_window() public {
        bytes32 order = funded(twoMilestones());
        vm.warp(REST_UNTIL - 1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotSettleable.selector, REST_UNTIL));
        escrow.settle(order, 0, REST);
        later(1);
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(order, 0, REST, IDeliveryEscrow.Cause.Settled, grower.account, 0, 0, PRICE, 0);
        escrow.settle(order, 0, REST);
        assertCredit(roaster.account, PRICE);
        assertCredit(grower.account, 0);
        vm.assertTrue(item(order, REST).isEnded, "ended");
        assertState(order, IDeliveryEscrow.State.Funded);
        vm.assertEq(escrow.orderOf(order).openItems, 1, "the other milestone is open");
    }

    function test_a_rest_that_deliveries_emptied_is_not_settled() public {
        bytes32 order = funded(terms());
        deliver(order, "first", BAGS);
        vm.warp(REST_UNTIL);
        vm.expectRevert(nothingHeld(order, REST));
        escrow.settle(order, 0, REST);
    }

    function test_the_order_ends_with_the_last_that_holds_money() public {
        bytes32 order = funded(twoMilestones());
        bytes32 delivery = deliver(order, "first", BAGS);
        vm.warp(REST_UNTIL);
        escrow.settle(order, 0, delivery);
        assertState(order, IDeliveryEscrow.State.Funded);
        vm.assertTrue(!item(order, REST).isEnded, "the emptied rest waits for over-delivery");
        vm.expectEmit();
        emit IDeliveryEscrow.OrderEnded(order);
        escrow.settle(order, 1, REST);
        assertState(order, IDeliveryEscrow.State.Ended);
        vm.assertTrue(item(order, REST).isEnded, "now it has ended too");
        vm.assertEq(escrow.orderOf(order).openItems, 0, "open items");
        assertCredit(grower.account, PRICE);
        assertCredit(roaster.account, PRICE);
    }

    function test_a_reduction_of_all_pays_the_buyer_all() public {
        IDeliveryEscrow.Terms memory wanted = sharedTerms();
        wanted.milestones[0].deductionCapBps = 10_000;
        bytes32 order = funded(wanted);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        said.deductionBps = 10_000;
        attest(roaster, said);
        vm.warp(START + WINDOW);
        escrow.settle(order, 0, said.delivery);
        assertCredit(roaster.account, PRICE);
        assertCredit(grower.account, 0);
        assertCredit(cooperative.account, 0);
    }

    function test_the_present_holder_of_the_receivable_is_paid_and_no_former_one() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", BAGS);
        sold(order);
        vm.warp(START + WINDOW);
        escrow.settle(order, 0, delivery);
        assertCredit(bank.account, PRICE);
        assertCredit(grower.account, 0);
    }
}
