// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// accept
// ├── given it is not proposed                   reverts WrongState
// ├── when the caller is not the seller's        reverts NotActingFor
// ├── when fundBy has passed                     reverts FundByPassed
// └── otherwise                                  accepts, suspended or removed or not, at this block's time
contract AcceptTest is Deal {
    function test_what_is_not_proposed_is_not_accepted() public {
        vm.expectRevert(wrongState("nothing", IDeliveryEscrow.State.None));
        escrow.accept("nothing");
        bytes32 order = accepted(terms());
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Accepted));
        vm.prank(grower.account);
        escrow.accept(order);
        order = propose(terms());
        vm.prank(roaster.account);
        escrow.cancel(order);
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Cancelled));
        vm.prank(grower.account);
        escrow.accept(order);
    }

    function test_only_the_sellers_controller_accepts() public {
        bytes32 order = propose(terms());
        vm.expectRevert(notActingFor(grower.account, roaster.account));
        vm.prank(roaster.account);
        escrow.accept(order);
    }

    function test_it_is_accepted_until_fundBy() public {
        bytes32 late = propose(terms());
        bytes32 early = propose(terms());
        vm.warp(START + 7 days);
        vm.prank(grower.account);
        escrow.accept(early);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.FundByPassed.selector, late, START + 7 days));
        vm.prank(grower.account);
        escrow.accept(late);
    }

    function test_accepting_says_when() public {
        bytes32 order = propose(terms());
        later(99);
        vm.expectEmit();
        emit IDeliveryEscrow.OrderAccepted(order);
        vm.prank(grower.account);
        escrow.accept(order);
        assertState(order, IDeliveryEscrow.State.Accepted);
        vm.assertEq(escrow.orderOf(order).acceptedAt, START + 99, "time");
        vm.assertEq(version(order), 2, "version");
    }

    function test_a_suspended_or_removed_seller_accepts() public {
        bytes32 order = propose(terms());
        bytes32 other = propose(terms());
        suspend(grower);
        later(1);
        vm.prank(grower.account);
        escrow.accept(order);
        remove(grower);
        later(1);
        vm.prank(grower.account);
        escrow.accept(other);
        assertState(other, IDeliveryEscrow.State.Accepted);
    }
}
