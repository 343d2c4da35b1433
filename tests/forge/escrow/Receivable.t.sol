// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IReceivable} from "../../../contracts/interfaces/IReceivable.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

// mint
// ├── when the caller is not the seller's controller     reverts NotSeller
// ├── given it is minted                                 reverts AlreadyMinted
// ├── given the order is not funded, or has ended        reverts WrongState
// └── otherwise                                          the caller holds it, and is the payee
// transferFrom
// ├── to the escrow, or to the order's arbiter           reverts HolderRefused
// └── otherwise                                          the new holder is the payee, and the order's version rises
// transferIf
// ├── when the order has changed since                   reverts OrderChanged
// ├── when the caller is not approved                    reverts ERC721InsufficientApproval
// └── otherwise                                          transfers from the present holder
// burn
// ├── when the caller is not the escrow                  reverts NotEscrow
// └── when the order ends                                is burned; what is credited stays the holder's
// receivableMoved                                        reverts NotReceivable for everybody else
contract ReceivableTest is Deal {
    bytes32 private order;
    uint256 private id;

    function setUp() public override {
        super.setUp();
        order = funded(twoMilestones());
        id = uint256(order);
    }

    // ------------------------------------------------------------------------------------------------------- mint

    function test_only_the_sellers_controller_mints() public {
        vm.expectRevert(abi.encodeWithSelector(IReceivable.NotSeller.selector, grower.account, roaster.account));
        vm.prank(roaster.account);
        receivable.mint(order);
        succeed(grower);
        vm.expectRevert(abi.encodeWithSelector(IReceivable.NotSeller.selector, grower.account, grower.account));
        vm.prank(grower.account);
        receivable.mint(order);
        vm.prank(successor.account);
        receivable.mint(order);
        vm.assertEq(escrow.payeeOf(order), successor.account, "that account is the payee");
    }

    function test_nobody_mints_what_nobody_proposed() public {
        vm.expectRevert(abi.encodeWithSelector(IReceivable.NotSeller.selector, address(0), grower.account));
        vm.prank(grower.account);
        receivable.mint("nothing");
    }

    function test_an_order_has_one_receivable() public {
        minted(order);
        vm.expectRevert(abi.encodeWithSelector(IReceivable.AlreadyMinted.selector, order));
        vm.prank(grower.account);
        receivable.mint(order);
    }

    function test_it_is_minted_while_the_order_is_funded() public {
        bytes32 early = accepted(terms());
        vm.expectRevert(wrongState(early, IDeliveryEscrow.State.Accepted));
        vm.prank(grower.account);
        receivable.mint(early);
        bytes32 over = funded(terms());
        vm.prank(grower.account);
        escrow.giveBack(over, 0, REST);
        vm.expectRevert(wrongState(over, IDeliveryEscrow.State.Ended));
        vm.prank(grower.account);
        receivable.mint(over);
    }

    function test_a_mint_makes_the_seller_the_holder() public {
        vm.expectEmit();
        emit IERC721.Transfer(address(0), grower.account, id);
        minted(order);
        vm.assertEq(receivable.ownerOf(id), grower.account, "owner");
        vm.assertEq(receivable.holderOf(order), grower.account, "holder");
        vm.assertEq(version(order), 4, "version");
    }

    // -------------------------------------------------------------------------------------------------- transfers

    function test_whoever_holds_it_is_the_payee() public {
        sold(order);
        vm.assertEq(escrow.payeeOf(order), bank.account, "payee");
        vm.assertEq(version(order), 5, "version");
    }

    function test_neither_the_escrow_nor_the_arbiter_ever_holds_it() public {
        minted(order);
        assertHolderRefused(address(escrow));
        assertHolderRefused(chamber.account);
        succeed(chamber);
        assertHolderRefused(successor.account);
        assertHolderRefused(chamber.account);
        vm.assertEq(receivable.ownerOf(id), grower.account, "still the grower's");
    }

    function test_without_an_arbiter_only_the_escrow_is_refused() public {
        order = funded(promptTerms());
        id = uint256(order);
        minted(order);
        assertHolderRefused(address(escrow));
        vm.prank(grower.account);
        receivable.transferFrom(grower.account, chamber.account, id);
        vm.assertEq(escrow.payeeOf(order), chamber.account, "payee");
    }

    function test_nobody_buys_one_that_changed_meanwhile() public {
        minted(order);
        uint64 seen = version(order);
        deliver(order, "first", 1);
        vm.expectRevert(abi.encodeWithSelector(IReceivable.OrderChanged.selector, seen, seen + 1));
        vm.prank(grower.account);
        receivable.transferIf(bank.account, id, seen);
        vm.prank(grower.account);
        receivable.transferIf(bank.account, id, seen + 1);
        vm.assertEq(escrow.payeeOf(order), bank.account, "payee");
    }

    /// @dev What is approved by a shop's contract is not sold twice: a transfer is a change.
    function test_a_transfer_is_a_change() public {
        sold(order);
        uint64 seen = version(order);
        vm.prank(bank.account);
        receivable.approve(stranger.account, id);
        vm.prank(bank.account);
        receivable.transferFrom(bank.account, bank.account, id);
        vm.prank(bank.account);
        vm.expectRevert(abi.encodeWithSelector(IReceivable.OrderChanged.selector, seen, seen + 1));
        receivable.transferIf(carrier.account, id, seen);
    }

    function test_only_the_holder_or_whom_it_approved_transfers() public {
        minted(order);
        uint64 seen = version(order);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, stranger.account, id));
        vm.prank(stranger.account);
        receivable.transferIf(stranger.account, id, seen);
        vm.prank(grower.account);
        receivable.approve(stranger.account, id);
        vm.prank(stranger.account);
        receivable.transferIf(bank.account, id, seen);
        vm.assertEq(receivable.ownerOf(id), bank.account, "sold");
    }

    function test_what_is_not_minted_is_not_transferred() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, id));
        receivable.transferIf(bank.account, id, 3);
    }

    function test_the_holder_sells_during_a_dispute() public {
        disputed(order, "first");
        sold(order);
        vm.assertEq(escrow.payeeOf(order), bank.account, "payee");
    }

    // ----------------------------------------------------------------------------------------------------- the end

    function test_it_is_burned_with_the_last_money_and_the_credit_stays() public {
        sold(order);
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
        vm.assertEq(receivable.ownerOf(id), bank.account, "still there");
        vm.expectEmit();
        emit IERC721.Transfer(bank.account, address(0), id);
        vm.prank(bank.account);
        escrow.giveBack(order, 1, REST);
        vm.assertEq(receivable.holderOf(order), address(0), "burned");
        vm.assertEq(escrow.payeeOf(order), grower.account, "the seller's name stands again");
        assertCredit(bank.account, PRICE);
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Ended));
        vm.prank(grower.account);
        receivable.mint(order);
    }

    function test_only_the_escrow_burns() public {
        minted(order);
        vm.expectRevert(abi.encodeWithSelector(IReceivable.NotEscrow.selector, grower.account));
        vm.prank(grower.account);
        receivable.burn(order);
    }

    function test_only_the_receivable_says_that_it_moved() public {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotReceivable.selector, grower.account));
        vm.prank(grower.account);
        escrow.receivableMoved(order, grower.account);
    }

    function assertHolderRefused(address holder) private {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.HolderRefused.selector, holder));
        vm.prank(grower.account);
        receivable.transferFrom(grower.account, holder, id);
    }
}
