// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// giveBack
// ├── given there is no such item, or it holds nothing     reverts UnknownItem, NothingHeld
// ├── when the caller does not act for the payee           reverts NotActingFor
// │   └── the seller, once its receivable is sold
// └── otherwise                                            all that it holds to the buyer, at any time, without splits
contract GiveBackTest is Deal {
    function test_only_an_item_that_holds_something_is_given_back() public {
        bytes32 order = funded(terms());
        vm.expectRevert(unknownItem(order, "no delivery"));
        vm.prank(grower.account);
        escrow.giveBack(order, 0, "no delivery");
        deliver(order, "first", BAGS);
        vm.expectRevert(nothingHeld(order, REST));
        vm.prank(grower.account);
        escrow.giveBack(order, 0, REST);
    }

    function test_only_the_payee_gives_back() public {
        bytes32 order = funded(terms());
        vm.expectRevert(notActingFor(grower.account, roaster.account));
        vm.prank(roaster.account);
        escrow.giveBack(order, 0, REST);
        sold(order);
        vm.expectRevert(notActingFor(bank.account, grower.account));
        vm.prank(grower.account);
        escrow.giveBack(order, 0, REST);
        vm.prank(bank.account);
        escrow.giveBack(order, 0, REST);
        assertCredit(roaster.account, PRICE);
    }

    function test_all_goes_to_the_buyer_and_nothing_returns_to_the_rest() public {
        bytes32 order = funded(sharedTerms());
        bytes32 delivery = deliver(order, "first", BAGS / 2);
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(
            order, 0, delivery, IDeliveryEscrow.Cause.GivenBack, grower.account, 0, 0, PRICE / 2, 0
        );
        vm.prank(grower.account);
        escrow.giveBack(order, 0, delivery);
        assertCredit(roaster.account, PRICE / 2);
        assertHeld(order, REST, PRICE / 2);
        assertHeld(order, deliver(order, "again", BAGS / 2), PRICE / 2);
        vm.assertTrue(item(order, deliver(order, "more", 1)).held == 0, "that is all");
    }

    function test_a_successor_of_the_sellers_controller_gives_back() public {
        bytes32 order = funded(terms());
        succeed(grower);
        vm.expectRevert(notActingFor(grower.account, grower.account));
        vm.prank(grower.account);
        escrow.giveBack(order, 0, REST);
        vm.prank(successor.account);
        escrow.giveBack(order, 0, REST);
        assertState(order, IDeliveryEscrow.State.Ended);
    }
}
