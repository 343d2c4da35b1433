// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {RestlessCoin, ShrinkingCoin} from "./Coins.sol";
import {FalseCoin, FeeCoin} from "./hostile/Coins.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

// fund
// ├── given it is not accepted                          reverts WrongState
// ├── when the caller is not the buyer's controller     reverts NotActingFor
// ├── when fundBy has passed                            reverts FundByPassed
// ├── when a due time has come                          reverts DuePassed
// ├── when allowance or balance are too small           reverts with the token's own words
// ├── when the token returns false                      reverts SafeERC20FailedOperation
// ├── when another amount arrives                       reverts WrongAmountReceived
// ├── when the token calls back                         reverts ReentrancyGuardReentrantCall inside
// └── otherwise                                         every milestone's rest holds its amount; also while suspended
contract FundTest is Deal {
    function test_what_is_not_accepted_is_not_funded() public {
        bytes32 order = propose(terms());
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Proposed));
        vm.prank(roaster.account);
        escrow.fund(order);
        order = funded(terms());
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Funded));
        vm.prank(roaster.account);
        escrow.fund(order);
    }

    function test_only_the_buyers_controller_funds() public {
        bytes32 order = accepted(terms());
        giveMoney(grower.account, PRICE);
        vm.expectRevert(notActingFor(roaster.account, grower.account));
        vm.prank(grower.account);
        escrow.fund(order);
    }

    function test_it_is_funded_until_fundBy() public {
        bytes32 late = accepted(terms());
        bytes32 early = accepted(terms());
        giveMoney(roaster.account, PRICE);
        vm.warp(START + 7 days);
        vm.prank(roaster.account);
        escrow.fund(early);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.FundByPassed.selector, late, START + 7 days));
        vm.prank(roaster.account);
        escrow.fund(late);
    }

    function test_it_is_funded_before_any_due_time() public {
        IDeliveryEscrow.Terms memory wanted = twoMilestones();
        wanted.milestones[1].due = START + 1 days;
        bytes32 late = accepted(wanted);
        bytes32 early = accepted(wanted);
        giveMoney(roaster.account, 2 * PRICE);
        vm.warp(START + 1 days - 1);
        vm.prank(roaster.account);
        escrow.fund(early);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.DuePassed.selector, late, 1, START + 1 days));
        vm.prank(roaster.account);
        escrow.fund(late);
    }

    function test_too_small_an_allowance_or_balance_is_the_tokens_to_refuse() public {
        bytes32 order = accepted(terms());
        giveMoney(roaster.account, PRICE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), PRICE - 1, PRICE)
        );
        vm.prank(roaster.account);
        escrow.fund(order);
        vm.prank(roaster.account);
        token.approve(address(escrow), PRICE);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, roaster.account, PRICE - 1, PRICE)
        );
        vm.prank(roaster.account);
        escrow.fund(order);
        assertState(order, IDeliveryEscrow.State.Accepted);
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        FeeCoin coin = new FeeCoin();
        coin.setFee(100);
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = IERC20(address(coin));
        bytes32 order = accepted(wanted);
        coin.mint(roaster.account, PRICE);
        vm.prank(roaster.account);
        coin.approve(address(escrow), PRICE);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeliveryEscrow.WrongAmountReceived.selector, coin, PRICE, 0, PRICE - coin.feeOf(PRICE)
            )
        );
        vm.prank(roaster.account);
        escrow.fund(order);
    }

    function test_a_token_that_returns_false_is_refused() public {
        FalseCoin coin = new FalseCoin();
        coin.setSulks(true);
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = IERC20(address(coin));
        bytes32 order = accepted(wanted);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, wanted.token));
        vm.prank(roaster.account);
        escrow.fund(order);
    }

    function test_a_token_that_takes_from_the_escrow_is_refused() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = new ShrinkingCoin(address(escrow));
        bytes32 order = accepted(wanted);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.WrongAmountReceived.selector, wanted.token, PRICE, 1, 0));
        vm.prank(roaster.account);
        escrow.fund(order);
    }

    function test_a_token_that_calls_back_is_kept_out() public {
        RestlessCoin coin = new RestlessCoin();
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = coin;
        bytes32 order = accepted(wanted);
        coin.mint(roaster.account, PRICE);
        vm.prank(roaster.account);
        coin.approve(address(escrow), PRICE);
        coin.plan(address(escrow), abi.encodeCall(IDeliveryEscrow.settle, (order, 0, REST)));
        vm.prank(roaster.account);
        escrow.fund(order);
        bytes4 refusal = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        vm.assertEq(bytes32(bytes4(coin.answer())), bytes32(refusal), "kept out");
        assertHeld(order, REST, PRICE);
    }

    function test_every_milestones_rest_holds_its_amount() public {
        IDeliveryEscrow.Terms memory wanted = twoMilestones();
        wanted.milestones[1].amount = 7;
        wanted.milestones[1].window = 0;
        bytes32 order = accepted(wanted);
        giveMoney(roaster.account, PRICE + 7);
        vm.expectEmit();
        emit IDeliveryEscrow.OrderFunded(order, roaster.account, PRICE + 7);
        vm.prank(roaster.account);
        escrow.fund(order);

        assertState(order, IDeliveryEscrow.State.Funded);
        vm.assertEq(version(order), 3, "version");
        vm.assertEq(escrow.orderOf(order).openItems, 2, "open items");
        vm.assertEq(token.balanceOf(address(escrow)), PRICE + 7, "balance");
        vm.assertEq(token.balanceOf(roaster.account), 0, "all paid");
        IDeliveryEscrow.Item memory expected = IDeliveryEscrow.Item({
            held: PRICE,
            reduction: 10_000,
            disputableUntil: REST_UNTIL,
            settleableFrom: REST_UNTIL,
            version: 1,
            isDisputed: false,
            isEnded: false,
            exists: true
        });
        vm.assertEq(abi.encode(item(order, REST)), abi.encode(expected), "the first rest");
        expected.held = 7;
        expected.disputableUntil = DUE + GRACE + 1 days;
        expected.settleableFrom = DUE + GRACE + 1 days;
        vm.assertEq(abi.encode(escrow.itemOf(order, 1, REST)), abi.encode(expected), "a day at least");
        vm.assertTrue(!escrow.itemOf(order, 2, REST).exists, "no third");
    }

    function test_a_suspended_buyer_funds_what_it_proposed() public {
        bytes32 order = accepted(terms());
        suspend(roaster);
        later(1);
        giveMoney(roaster.account, PRICE);
        vm.prank(roaster.account);
        escrow.fund(order);
        assertState(order, IDeliveryEscrow.State.Funded);
    }

    function test_a_new_controller_of_the_buyer_funds_from_its_own_account() public {
        bytes32 order = accepted(terms());
        succeed(roaster);
        giveMoney(successor.account, PRICE);
        vm.prank(successor.account);
        escrow.fund(order);
        vm.assertEq(token.balanceOf(successor.account), 0, "paid");
    }
}
