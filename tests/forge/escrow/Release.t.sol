// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// release
// ├── given there is no such item, or it holds nothing     reverts UnknownItem, NothingHeld
// ├── when the caller is not the buyer's controller        reverts NotActingFor
// └── otherwise                                            all that it holds to the payee, at any time
contract ReleaseTest is Deal {
    function test_only_an_item_that_holds_something_is_released() public {
        bytes32 order = funded(twoMilestones());
        vm.expectRevert(unknownItem(order, "no delivery"));
        vm.prank(roaster.account);
        escrow.release(order, 0, "no delivery");
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
        vm.expectRevert(nothingHeld(order, REST));
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
    }

    function test_only_the_buyers_controller_releases() public {
        bytes32 order = funded(terms());
        vm.expectRevert(notActingFor(roaster.account, grower.account));
        vm.prank(grower.account);
        escrow.release(order, 0, REST);
    }

    function test_a_release_pays_whole_whatever_the_reduction() public {
        bytes32 order = funded(sharedTerms());
        vm.warp(DUE + 3 days);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS / 2);
        said.deductionBps = 2_000;
        attest(roaster, said);
        uint128 half = PRICE / 2;
        uint128 shares = part(half, 333) + part(half, 500);
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(
            order, 0, said.delivery, IDeliveryEscrow.Cause.Released, grower.account, half - shares, shares, 0, 0
        );
        vm.prank(roaster.account);
        escrow.release(order, 0, said.delivery);
        assertCredit(grower.account, half - shares);
        assertCredit(cooperative.account, part(half, 333));
        assertHeld(order, REST, half);
    }

    function test_the_rest_is_paid_before_anything_came() public {
        bytes32 order = funded(twoMilestones());
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
        assertCredit(grower.account, PRICE);
        vm.assertTrue(item(order, REST).isEnded, "nothing is delivered any more");
        vm.assertEq(item(order, REST).version, 2, "the item's version");
        vm.assertEq(version(order), 4, "the order's version");
    }

    function test_a_release_ends_a_dispute_at_any_time() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        vm.warp(START + WINDOW + 1);
        vm.prank(roaster.account);
        escrow.release(order, 0, delivery);
        assertCredit(grower.account, PRICE);
        assertState(order, IDeliveryEscrow.State.Ended);
    }
}
