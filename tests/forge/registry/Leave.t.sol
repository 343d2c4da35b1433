// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// leave
// ├── when the caller is no controller              reverts NotController
// ├── given the party has left or was removed       reverts NotPresent
// ├── given it is the last active member            reverts LastActiveMember
// │   └── counted one second after the block: two of two can't go in one
// └── otherwise                                     is gone from the next second on, and its GLN is free
contract LeaveTest is Base {
    function test_only_a_controller_takes_its_party_out() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, stranger.account));
        vm.prank(stranger.account);
        registry.leave();
    }

    function test_a_party_leaves_once() public {
        vm.prank(grower.account);
        registry.leave();
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.NotPresent.selector, grower.account, IPartyRegistry.Status.Left)
        );
        vm.prank(grower.account);
        registry.leave();
    }

    function test_the_last_two_can_not_leave_in_one_second() public {
        vm.prank(grower.account);
        registry.leave();
        vm.prank(carrier.account);
        registry.leave();
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.LastActiveMember.selector, roaster.account));
        vm.prank(roaster.account);
        registry.leave();
    }

    function test_a_suspended_party_leaves_though_one_active_member_remains() public {
        suspendGrower();
        later(1);
        vm.prank(carrier.account);
        registry.leave();
        vm.prank(grower.account);
        registry.leave();
        later(1);
        assertStatus(grower.account, IPartyRegistry.Status.Left);
        vm.assertEq(registry.activeCount(), 1, "the roaster remains");
    }

    function test_a_departed_party_stands_to_the_end_of_the_second_and_frees_its_gln() public {
        vm.expectEmit();
        emit IPartyRegistry.StatusChanged(grower.account, IPartyRegistry.Status.Left, START + 1);
        vm.prank(grower.account);
        registry.leave();

        assertStatus(grower.account, IPartyRegistry.Status.Active);
        assertStands(grower, grower.account, RECORD, START);
        vm.assertEq(registry.partyOfGln(gln(1)), address(0), "its GLN is free");
        vm.assertEq(registry.members().length, 2, "two remain");
        later(1);
        assertStatus(grower.account, IPartyRegistry.Status.Left);
        assertStands(grower, grower.account, RECORD, START);
        assertStandsForNobody(grower, RECORD, START + 1);
    }
}
