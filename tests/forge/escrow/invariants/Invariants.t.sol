// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {Vm} from "../../Base.sol";
import {Stagecraft} from "./Cast.sol";
import {World} from "./World.sol";

/// @dev docs/escrow.md, section 18: what holds whatever anybody does. Each call of the world is compared with the model;
/// `make test-invariants` plays 5,000 sequences of 500 calls.
contract InvariantsTest {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    /// @dev As forge reads it: which functions of the target to call.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    World private world;

    function setUp() public {
        world = new World();
        world.begin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(world);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(world), _actions());
    }

    /// forge-config: default.invariant.runs = 256
    /// forge-config: default.invariant.depth = 100
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_the_contract_is_in_the_models_state_and_holds_what_it_owes() external view {
        world.checkBalances();
    }

    /// @dev After each sequence.
    function afterInvariant() external {
        world.checkNobodyElseGains();
        world.checkEnds();
    }

    /// @dev Six worlds, the actions in turn. Else the invariants would hold because nothing happens.
    function test_each_action_really_happens() external {
        Stagecraft(address(vm)).pauseGasMetering();
        bytes4[] memory actions = _actions();
        string[29] memory names = [
            "propose",
            "accept",
            "cancel",
            "fund",
            "attest",
            "prepare",
            "submit",
            "copy",
            "take back",
            "withdraw",
            "settle",
            "release",
            "give back",
            "divide",
            "dispute",
            "rule",
            "tokenise",
            "sell",
            "collect",
            "collect to",
            "deliver",
            "replace controller",
            "suspend",
            "reinstate",
            "vote out",
            "object",
            "intrude",
            "imagine the end",
            "undercut"
        ];
        uint256[29] memory done;
        uint256 doneInAll = 0;
        uint256 refusedInAll = 0;
        for (uint256 i = 0; i < 6; ++i) {
            _play(actions, i);
            for (uint256 j = 0; j < names.length; ++j) {
                done[j] += world.done(names[j]);
                doneInAll += world.done(names[j]);
                refusedInAll += world.refused(names[j]);
            }
        }
        for (uint256 j = 0; j < names.length; ++j) {
            vm.assertTrue(done[j] >= 3, string.concat("too seldom: ", names[j]));
        }
        vm.assertTrue(doneInAll > 2 * refusedInAll, "most is done, not refused");
    }

    function _play(bytes4[] memory actions, uint256 number) private {
        world = new World();
        world.begin();
        for (uint256 i = 0; i < 300; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(number, i)));
            (bool isDone, bytes memory reason) =
                address(world).call(abi.encodeWithSelector(actions[(number + i) % actions.length], seed));
            Address.verifyCallResult(isDone, reason);
        }
    }

    function _actions() private view returns (bytes4[] memory actions) {
        actions = new bytes4[](30);
        actions[0] = world.propose.selector;
        actions[1] = world.accept.selector;
        actions[2] = world.cancel.selector;
        actions[3] = world.fund.selector;
        actions[4] = world.open.selector;
        actions[5] = world.attest.selector;
        actions[6] = world.prepare.selector;
        actions[7] = world.submit.selector;
        actions[8] = world.copy.selector;
        actions[9] = world.takeBack.selector;
        actions[10] = world.withdraw.selector;
        actions[11] = world.settle.selector;
        actions[12] = world.release.selector;
        actions[13] = world.giveBack.selector;
        actions[14] = world.divide.selector;
        actions[15] = world.dispute.selector;
        actions[16] = world.rule.selector;
        actions[17] = world.tokenise.selector;
        actions[18] = world.sell.selector;
        actions[19] = world.collect.selector;
        actions[20] = world.collectTo.selector;
        actions[21] = world.deliver.selector;
        actions[22] = world.wait.selector;
        actions[23] = world.waitForAnEdge.selector;
        actions[24] = world.replaceController.selector;
        actions[25] = world.vote.selector;
        actions[26] = world.misbehave.selector;
        actions[27] = world.intrude.selector;
        actions[28] = world.imagineTheEnd.selector;
        actions[29] = world.undercut.selector;
    }
}
