// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// cancel
// ├── given it is neither proposed nor accepted    reverts WrongState
// ├── when the caller is of neither side           reverts NeitherOf
// └── otherwise                                    cancels, by buyer or seller, also after fundBy
contract CancelTest is Deal {
    function test_what_is_funded_is_not_cancelled() public {
        bytes32 order = funded(terms());
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Funded));
        vm.prank(roaster.account);
        escrow.cancel(order);
        vm.expectRevert(wrongState("nothing", IDeliveryEscrow.State.None));
        escrow.cancel("nothing");
    }

    function test_only_the_two_sides_cancel() public {
        bytes32 order = propose(terms());
        vm.expectRevert(neitherOf(roaster.account, grower.account, chamber.account));
        vm.prank(chamber.account);
        escrow.cancel(order);
    }

    function test_the_buyer_cancels_what_it_proposed() public {
        bytes32 order = propose(terms());
        vm.expectEmit();
        emit IDeliveryEscrow.OrderCancelled(order, roaster.account);
        vm.prank(roaster.account);
        escrow.cancel(order);
        assertState(order, IDeliveryEscrow.State.Cancelled);
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Cancelled));
        vm.prank(roaster.account);
        escrow.cancel(order);
    }

    function test_the_seller_cancels_what_it_accepted_even_when_it_can_not_be_funded_any_more() public {
        bytes32 order = accepted(terms());
        vm.warp(START + 8 days);
        vm.expectEmit();
        emit IDeliveryEscrow.OrderCancelled(order, grower.account);
        vm.prank(grower.account);
        escrow.cancel(order);
        vm.assertEq(version(order), 3, "version");
    }
}
