// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {RestlessCoin} from "./Coins.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

// multicall
// ├── when a call reverts          reverts with its reason, and does nothing of all
// ├── when the token calls back    is kept out, too
// └── otherwise                    does all of them in the caller's name: money arrives with the delivery
contract MulticallTest is Deal {
    function test_money_arrives_with_the_delivery() public {
        bytes32 order = funded(promptTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IDeliveryEscrow.attest, (said, signed(roaster, said), evidence));
        calls[1] = abi.encodeCall(IDeliveryEscrow.settle, (order, 0, said.delivery));
        calls[2] = abi.encodeCall(IDeliveryEscrow.collect, (token, grower.account));
        vm.prank(stranger.account);
        bytes[] memory results = escrow.multicall(calls);
        vm.assertEq(abi.decode(results[2], (uint256)), PRICE, "the last answer");
        vm.assertEq(token.balanceOf(grower.account), PRICE, "paid");
        assertState(order, IDeliveryEscrow.State.Ended);
    }

    function test_all_or_none_with_the_reason() public {
        bytes32 order = funded(twoMilestones());
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IDeliveryEscrow.release, (order, 0, REST));
        calls[1] = abi.encodeCall(IDeliveryEscrow.settle, (order, 1, REST));
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotSettleable.selector, REST_UNTIL));
        vm.prank(roaster.account);
        escrow.multicall(calls);
        assertHeld(order, REST, PRICE);
    }

    function test_each_call_is_the_callers() public {
        bytes32 order = funded(terms());
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(IDeliveryEscrow.release, (order, 0, REST));
        vm.expectRevert(notActingFor(roaster.account, stranger.account));
        vm.prank(stranger.account);
        escrow.multicall(calls);
    }

    function test_a_token_that_calls_back_through_it_is_kept_out() public {
        RestlessCoin coin = new RestlessCoin();
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = coin;
        bytes32 order = accepted(wanted);
        coin.mint(roaster.account, PRICE);
        vm.prank(roaster.account);
        coin.approve(address(escrow), PRICE);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(IDeliveryEscrow.collect, (coin, grower.account));
        coin.plan(address(escrow), abi.encodeCall(IDeliveryEscrow.multicall, (calls)));
        vm.prank(roaster.account);
        escrow.fund(order);
        bytes4 refusal = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        vm.assertEq(bytes32(bytes4(coin.answer())), bytes32(refusal), "kept out");
    }
}
