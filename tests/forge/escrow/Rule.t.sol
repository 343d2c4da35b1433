// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// rule
// ├── given there is no such item, or it holds nothing       reverts UnknownItem, NothingHeld
// ├── when the caller is not the arbiter's controller        reverts NotActingFor
// ├── while the arbiter is the payee                         reverts ArbiterIsPayee
// ├── when it is more than 10,000 basis points               reverts BadBps
// ├── given it is not disputed                               reverts NotDisputed
// ├── when it is not the arbitration time                    reverts NotInArbitration
// └── otherwise                                              ⌊held × bps / 10,000⌋ to the payee, the remainder to the buyer
contract RuleTest is Deal {
    function test_only_an_item_that_holds_something_is_ruled_on() public {
        bytes32 order = funded(terms());
        vm.expectRevert(unknownItem(order, "no delivery"));
        vm.prank(chamber.account);
        escrow.rule(order, 0, "no delivery", 0);
        deliver(order, "first", BAGS);
        vm.expectRevert(nothingHeld(order, REST));
        vm.prank(chamber.account);
        escrow.rule(order, 0, REST, 0);
    }

    function test_only_the_arbiters_controller_rules() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        vm.warp(START + WINDOW);
        vm.expectRevert(notActingFor(chamber.account, roaster.account));
        vm.prank(roaster.account);
        escrow.rule(order, 0, delivery, 0);
        succeed(chamber);
        vm.expectRevert(notActingFor(chamber.account, chamber.account));
        vm.prank(chamber.account);
        escrow.rule(order, 0, delivery, 0);
        vm.prank(successor.account);
        escrow.rule(order, 0, delivery, 0);
    }

    function test_where_there_is_no_arbiter_nobody_rules() public {
        IDeliveryEscrow.Terms memory wanted = promptTerms();
        wanted.milestones[0].window = WINDOW;
        bytes32 order = funded(wanted);
        bytes32 delivery = deliver(order, "first", BAGS);
        vm.expectRevert(notActingFor(address(0), stranger.account));
        vm.prank(stranger.account);
        escrow.rule(order, 0, delivery, 0);
    }

    /// @dev The bank holds the receivable and then becomes the chamber's controller: no transfer could refuse that.
    function test_nobody_rules_on_its_own_money() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        minted(order);
        vm.prank(grower.account);
        receivable.transferFrom(grower.account, successor.account, uint256(order));
        vm.warp(START + WINDOW);
        succeed(chamber);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.ArbiterIsPayee.selector, successor.account));
        vm.prank(successor.account);
        escrow.rule(order, 0, delivery, 10_000);

        vm.prank(successor.account);
        receivable.transferFrom(successor.account, bank.account, uint256(order));
        vm.prank(successor.account);
        escrow.rule(order, 0, delivery, 10_000);
        assertCredit(bank.account, PRICE);
    }

    function test_a_ruling_is_of_at_most_all() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        vm.warp(START + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.BadBps.selector, 10_001));
        vm.prank(chamber.account);
        escrow.rule(order, 0, delivery, 10_001);
    }

    function test_what_nobody_disputed_is_not_ruled_on() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", BAGS);
        vm.warp(START + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotDisputed.selector, order, 0, delivery));
        vm.prank(chamber.account);
        escrow.rule(order, 0, delivery, 10_000);
    }

    function test_it_is_ruled_in_the_arbitration_time() public {
        bytes32 order = funded(terms());
        bytes32 early = deliver(order, "early", 1);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, early);
        bytes32 last = disputed(order, "last");
        bytes memory refusal = abi.encodeWithSelector(
            IDeliveryEscrow.NotInArbitration.selector, START + WINDOW, START + WINDOW + ARBITRATION
        );
        vm.warp(START + WINDOW - 1);
        vm.expectRevert(refusal);
        vm.prank(chamber.account);
        escrow.rule(order, 0, early, 0);
        later(1);
        vm.prank(chamber.account);
        escrow.rule(order, 0, early, 0);
        vm.warp(START + WINDOW + ARBITRATION);
        vm.expectRevert(refusal);
        vm.prank(chamber.account);
        escrow.rule(order, 0, last, 0);
    }

    function test_a_ruling_shares_out_what_the_item_then_holds_whatever_its_reduction() public {
        bytes32 order = funded(sharedTerms());
        vm.warp(DUE + 3 days);
        bytes32 delivery = disputed(order, "first");
        IDeliveryEscrow.Division memory division = IDeliveryEscrow.Division(order, 0, delivery, 2, 0, 1, FOREVER);
        bytes memory signature = sign(grower, escrow.divisionDigest(division));
        vm.prank(roaster.account);
        escrow.divide(division, signature);
        vm.warp(DUE + 3 days + WINDOW);
        // 99,999 × 0.3333 = 33,329.67; × 0.0333 = 1,109.86; × 0.05 = 1,666.45
        vm.expectEmit();
        emit IDeliveryEscrow.ItemPaid(
            order,
            0,
            delivery,
            IDeliveryEscrow.Cause.Ruled,
            grower.account,
            33_329 - 1_109 - 1_666,
            1_109 + 1_666,
            99_999 - 33_329,
            0
        );
        vm.prank(chamber.account);
        escrow.rule(order, 0, delivery, 3_333);
        assertCredit(roaster.account, 1 + 99_999 - 33_329);
        assertState(order, IDeliveryEscrow.State.Ended);
    }

    function test_a_rest_is_ruled_on_and_ends() public {
        bytes32 order = funded(twoMilestones());
        vm.warp(DUE + GRACE + 1);
        vm.prank(grower.account);
        escrow.dispute(order, 0, REST);
        vm.warp(REST_UNTIL);
        vm.prank(chamber.account);
        escrow.rule(order, 0, REST, 10_000);
        assertCredit(grower.account, PRICE);
        vm.assertTrue(item(order, REST).isEnded, "ended");
    }

    function test_a_suspended_arbiter_rules() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        suspend(chamber);
        vm.warp(START + WINDOW);
        vm.prank(chamber.account);
        escrow.rule(order, 0, delivery, 5_000);
        assertCredit(grower.account, PRICE / 2);
    }
}
