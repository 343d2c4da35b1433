// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {Character} from "../Base.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// divide
// ├── given there is no such item, or it holds nothing     reverts UnknownItem, NothingHeld
// ├── when its deadline has passed                         reverts DeadlinePassed
// ├── when the item has changed since                      reverts ItemChanged, so that it counts once
// ├── when it is nothing, or more than is held             reverts BadDivision
// ├── when the caller is neither buyer nor payee           reverts NeitherOf
// ├── when the other has not signed this very division     reverts NotSigned
// └── otherwise                                            the part to both, the reduction stays
//     ├── submitted by either side, with signature or approval
//     └── emptied, a delivery has ended; a rest goes on being delivered to
contract DivideTest is Deal {
    bytes32 private order;
    IDeliveryEscrow.Division private division;

    function setUp() public override {
        super.setUp();
        order = funded(sharedTerms());
        division = IDeliveryEscrow.Division(order, 0, REST, 1, 300_00, 200_00, START + 1 days);
    }

    function test_only_an_item_that_holds_something_is_divided() public {
        division.delivery = "no delivery";
        assertRefused(roaster, grower, unknownItem(order, "no delivery"));
        division.delivery = REST;
        deliver(order, "first", BAGS);
        assertRefused(roaster, grower, nothingHeld(order, REST));
    }

    function test_a_division_is_good_until_its_deadline() public {
        vm.warp(START + 1 days + 1);
        assertRefused(roaster, grower, abi.encodeWithSelector(IDeliveryEscrow.DeadlinePassed.selector, START + 1 days));
        vm.warp(START + 1 days);
        divide(roaster, grower);
    }

    function test_a_division_is_of_the_item_as_both_know_it() public {
        divide(roaster, grower);
        assertRefused(roaster, grower, abi.encodeWithSelector(IDeliveryEscrow.ItemChanged.selector, 1, 2));
        deliver(order, "first", 1);
        division.itemVersion = 2;
        assertRefused(roaster, grower, abi.encodeWithSelector(IDeliveryEscrow.ItemChanged.selector, 2, 3));
        // Beyond the 32 bits that a version has: not the same by cutting it.
        division.itemVersion = (uint64(1) << 32) + 3;
        assertRefused(
            roaster, grower, abi.encodeWithSelector(IDeliveryEscrow.ItemChanged.selector, (uint64(1) << 32) + 3, 3)
        );
    }

    function test_a_division_shares_out_something_that_is_there() public {
        (division.toPayee, division.toBuyer) = (0, 0);
        assertRefused(roaster, grower, abi.encodeWithSelector(IDeliveryEscrow.BadDivision.selector, 0, 0, PRICE));
        (division.toPayee, division.toBuyer) = (PRICE, 1);
        assertRefused(roaster, grower, abi.encodeWithSelector(IDeliveryEscrow.BadDivision.selector, PRICE, 1, PRICE));
        (division.toPayee, division.toBuyer) = (type(uint128).max, type(uint128).max);
        assertRefused(
            roaster,
            grower,
            abi.encodeWithSelector(IDeliveryEscrow.BadDivision.selector, type(uint128).max, type(uint128).max, PRICE)
        );
    }

    function test_only_buyer_and_payee_divide() public {
        assertRefused(chamber, grower, neitherOf(roaster.account, grower.account, chamber.account));
        sold(order);
        assertRefused(grower, roaster, neitherOf(roaster.account, bank.account, grower.account));
        assertRefused(roaster, grower, notSigned(bank));
        divide(bank, roaster);
    }

    function test_the_other_has_signed_this_very_division() public {
        assertRefused(roaster, roaster, notSigned(grower));
        assertRefused(grower, grower, notSigned(roaster));
        bytes memory signature = sign(grower, escrow.divisionDigest(division));
        division.toPayee = 299_00;
        vm.expectRevert(notSigned(grower));
        vm.prank(roaster.account);
        escrow.divide(division, signature);
        vm.expectRevert(notSigned(grower));
        vm.prank(roaster.account);
        escrow.divide(division, "");
    }

    function test_a_signature_of_the_other_form_is_none() public {
        bytes memory signature = signHighS(grower, escrow.divisionDigest(division));
        vm.expectRevert(notSigned(grower));
        vm.prank(roaster.account);
        escrow.divide(division, signature);
    }

    function test_the_former_controllers_signature_is_worth_nothing() public {
        succeed(grower);
        assertRefused(roaster, grower, notSigned(successor));
        divide(roaster, successor);
    }

    function test_either_side_submits_it() public {
        uint128 shares = part(300_00, 333) + part(300_00, 500);
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(
            order,
            0,
            REST,
            IDeliveryEscrow.Cause.Divided,
            grower.account,
            300_00 - shares,
            shares,
            200_00,
            PRICE - 500_00
        );
        divide(roaster, grower);
        division.itemVersion = 2;
        divide(grower, roaster);
        assertCredit(roaster.account, 400_00);
        assertCredit(grower.account, 2 * (300_00 - shares));
    }

    function test_who_approves_by_calling_needs_no_signature() public {
        bytes32 digest = escrow.divisionDigest(division);
        vm.prank(grower.account);
        registry.approve(digest);
        vm.prank(roaster.account);
        escrow.divide(division, "");
        assertHeld(order, REST, PRICE - 500_00);
    }

    function test_the_digest_is_of_the_words_that_were_promised() public view {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("DeliveryEscrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Division(bytes32 order,uint16 milestone,bytes32 delivery,uint64 itemVersion,uint128 toPayee,uint128 toBuyer,uint64 deadline)"
                ),
                division
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, structHash));
        vm.assertEq(escrow.divisionDigest(division), digest, "digest");
    }

    function test_the_reduction_stays_for_what_is_left() public {
        vm.warp(DUE + 1);
        division.delivery = deliver(order, "first", BAGS);
        division.deadline = FOREVER;
        divide(roaster, grower);
        IDeliveryEscrow.Item memory left = item(order, division.delivery);
        vm.assertEq(left.held, PRICE - 500_00, "held");
        vm.assertEq(left.reduction, 100, "reduction");
        vm.assertTrue(!left.isEnded && left.version == 2, "open");
    }

    function test_a_delivery_that_is_divided_whole_has_ended() public {
        division.delivery = deliver(order, "first", BAGS / 2);
        (division.toPayee, division.toBuyer) = (PRICE / 2, 0);
        divide(roaster, grower);
        vm.assertTrue(item(order, division.delivery).isEnded, "ended");
        vm.assertEq(escrow.orderOf(order).openItems, 1, "the rest is open");
    }

    function test_a_rest_that_is_divided_whole_ends_the_order_where_nothing_else_is_held() public {
        (division.toPayee, division.toBuyer) = (0, PRICE);
        divide(grower, roaster);
        assertState(order, IDeliveryEscrow.State.Ended);
        assertCredit(roaster.account, PRICE);
    }

    function test_a_rest_that_is_divided_whole_goes_on_being_delivered_to_while_the_order_is_open() public {
        bytes32 before = deliver(order, "first", 1);
        division.itemVersion = 2;
        (division.toPayee, division.toBuyer) = (0, PRICE - PRICE / BAGS);
        divide(grower, roaster);
        vm.assertTrue(!item(order, REST).isEnded, "not ended");
        assertHeld(order, deliver(order, "second", 1), 0);
        assertHeld(order, before, PRICE / BAGS);
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function divide(Character memory caller, Character memory signer) private {
        bytes memory signature = sign(signer, escrow.divisionDigest(division));
        vm.prank(caller.account);
        escrow.divide(division, signature);
    }

    function assertRefused(Character memory caller, Character memory signer, bytes memory reason) private {
        bytes memory signature = sign(signer, escrow.divisionDigest(division));
        vm.expectRevert(reason);
        vm.prank(caller.account);
        escrow.divide(division, signature);
    }

    function notSigned(Character memory who) private view returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.NotSigned.selector, who.account, escrow.divisionDigest(division));
    }
}
