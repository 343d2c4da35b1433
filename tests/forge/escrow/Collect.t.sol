// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {RestlessCoin} from "./Coins.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

// collect
// ├── given nothing is credited                                succeeds, whoever comes, and pays nothing
// ├── while a replacement of its controller is under notice
// │   ├── when another comes                                   reverts ReplacementPending
// │   └── when the controller comes                            pays it
// ├── when the token calls back                                reverts ReentrancyGuardReentrantCall inside
// └── otherwise                                                pays all of it, once: a party's controller, or the account
// collectTo
// ├── when the caller does not act for the creditor            reverts NotActingFor
// ├── when the receiver is nobody, or the escrow               reverts BadReceiver
// └── otherwise                                                pays whom it names
contract CollectTest is Deal {
    bytes32 private order;

    function setUp() public override {
        super.setUp();
        order = funded(twoMilestones());
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
    }

    function test_where_nothing_is_credited_nothing_is_paid() public {
        vm.assertEq(escrow.collect(token, roaster.account), 0, "a party");
        vm.assertEq(escrow.collect(token, stranger.account), 0, "an account");
        voteForSuccessor(roaster);
        vm.assertEq(escrow.collect(token, roaster.account), 0, "under notice");
        vm.prank(stranger.account);
        vm.assertEq(escrow.collectTo(token, stranger.account, bank.account), 0, "to another");
    }

    function test_anyone_has_a_party_paid_once() public {
        vm.expectEmit();
        emit IDeliveryEscrow.Collected(address(token), grower.account, grower.account, PRICE);
        vm.prank(stranger.account);
        vm.assertEq(escrow.collect(token, grower.account), PRICE, "answer");
        vm.assertEq(token.balanceOf(grower.account), PRICE, "paid");
        vm.assertEq(token.balanceOf(address(escrow)), PRICE, "the other milestone's stays");
        assertCredit(grower.account, 0);
        vm.assertEq(escrow.collect(token, grower.account), 0, "once");
    }

    function test_a_party_is_paid_at_its_present_controller() public {
        succeed(grower);
        escrow.collect(token, grower.account);
        vm.assertEq(token.balanceOf(successor.account), PRICE, "the successor is paid");
        vm.assertEq(escrow.collect(token, successor.account), 0, "under the party's name only");
    }

    function test_an_account_that_holds_a_receivable_is_paid_itself() public {
        sold(order);
        vm.prank(roaster.account);
        escrow.release(order, 1, REST);
        escrow.collect(token, bank.account);
        vm.assertEq(token.balanceOf(bank.account), PRICE, "paid");
    }

    /// @dev A party's name is that party also where it holds a receivable: its present controller is paid.
    function test_a_receivable_held_by_a_partys_name_is_the_partys() public {
        minted(order);
        vm.prank(grower.account);
        receivable.transferFrom(grower.account, inspector.account, uint256(order));
        succeed(inspector);
        vm.expectRevert(notActingFor(inspector.account, inspector.account));
        vm.prank(inspector.account);
        escrow.giveBack(order, 1, REST);
        vm.prank(roaster.account);
        escrow.release(order, 1, REST);
        escrow.collect(token, inspector.account);
        vm.assertEq(token.balanceOf(successor.account), PRICE, "paid");
    }

    function test_under_notice_only_the_controller_itself_collects() public {
        voteForSuccessor(grower);
        vm.expectRevert(
            abi.encodeWithSelector(IDeliveryEscrow.ReplacementPending.selector, grower.account, successor.account)
        );
        escrow.collect(token, grower.account);
        vm.prank(grower.account);
        escrow.collect(token, grower.account);
        vm.assertEq(token.balanceOf(grower.account), PRICE, "paid");
    }

    function test_a_notice_that_was_carried_out_pays_the_successor() public {
        voteForSuccessor(grower);
        later(14 days);
        registry.executeReplacement(grower.account);
        later(1);
        escrow.collect(token, grower.account);
        vm.assertEq(token.balanceOf(successor.account), PRICE, "paid");
    }

    function test_a_notice_that_lapsed_stops_nobody() public {
        voteForSuccessor(grower);
        later(44 days);
        escrow.collect(token, grower.account);
        vm.assertEq(token.balanceOf(grower.account), PRICE, "paid");
    }

    function test_the_creditor_itself_names_another_receiver() public {
        vm.expectRevert(notActingFor(grower.account, stranger.account));
        vm.prank(stranger.account);
        escrow.collectTo(token, grower.account, stranger.account);
        vm.expectEmit();
        emit IDeliveryEscrow.Collected(address(token), grower.account, bank.account, PRICE);
        vm.prank(grower.account);
        vm.assertEq(escrow.collectTo(token, grower.account, bank.account), PRICE, "answer");
        vm.assertEq(token.balanceOf(bank.account), PRICE, "paid");
    }

    function test_under_notice_the_controller_names_a_receiver() public {
        voteForSuccessor(grower);
        vm.prank(grower.account);
        escrow.collectTo(token, grower.account, bank.account);
        vm.assertEq(token.balanceOf(bank.account), PRICE, "paid");
    }

    function test_nothing_is_paid_to_nobody_or_to_the_escrow() public {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.BadReceiver.selector, address(escrow)));
        vm.prank(grower.account);
        escrow.collectTo(token, grower.account, address(escrow));
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.BadReceiver.selector, address(0)));
        vm.prank(grower.account);
        escrow.collectTo(token, grower.account, address(0));
    }

    function test_a_suspended_or_removed_party_is_paid() public {
        remove(grower);
        later(1);
        escrow.collect(token, grower.account);
        vm.assertEq(token.balanceOf(grower.account), PRICE, "paid");
    }

    function test_a_token_that_calls_back_collects_once() public {
        RestlessCoin coin = new RestlessCoin();
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = coin;
        order = accepted(wanted);
        coin.mint(roaster.account, PRICE);
        vm.prank(roaster.account);
        coin.approve(address(escrow), PRICE);
        vm.prank(roaster.account);
        escrow.fund(order);
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
        coin.plan(address(escrow), abi.encodeCall(IDeliveryEscrow.collect, (coin, grower.account)));
        escrow.collect(coin, grower.account);
        bytes4 refusal = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        vm.assertEq(bytes32(bytes4(coin.answer())), bytes32(refusal), "kept out");
        vm.assertEq(coin.balanceOf(grower.account), PRICE, "once");
    }
}
