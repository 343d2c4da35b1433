// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {PartyRegistry} from "../../../contracts/PartyRegistry.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// vote
// ├── when the caller is no controller              reverts NotController
// ├── when the caller's party is not active now     reverts NotActive
// ├── when nobody proposed it                       reverts UnknownProposal
// ├── when it has passed                            reverts ProposalPassed
// ├── when 7 days are over                          reverts ProposalExpired
// ├── when the member has voted (a proposer has)    reverts AlreadyVoted
// ├── when it could not be carried out              reverts with that reason, and the vote is not cast
// └── otherwise
//     ├── votes are not more than half              waits
//     ├── votes are more than half                  passes, and is carried out
//     ├── a voter is not active one second later    its vote does not count
//     └── members come or go meanwhile              half is half of those active one second after the last vote
contract VoteTest is Base {
    function test_only_a_controller_votes() public {
        authoriseScanner(15);
        bytes32 id = proposeRoles();
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, scanner.account));
        vm.prank(scanner.account);
        registry.vote(id);
    }

    function test_a_suspended_member_neither_votes_nor_proposes() public {
        bytes32 id = proposeRoles();
        suspendGrower();
        later(1);
        bytes memory reason =
            abi.encodeWithSelector(IPartyRegistry.NotActive.selector, grower.account, IPartyRegistry.Status.Suspended);
        vm.expectRevert(reason);
        vm.prank(grower.account);
        registry.vote(id);
        vm.expectRevert(reason);
        vm.prank(grower.account);
        registry.proposeRoles(grower.account, 3, 0);
    }

    function test_a_departed_member_votes_no_more() public {
        bytes32 id = proposeRoles();
        vm.prank(grower.account);
        registry.leave();
        later(1);
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.NotActive.selector, grower.account, IPartyRegistry.Status.Left)
        );
        vm.prank(grower.account);
        registry.vote(id);
    }

    function test_a_member_votes_from_the_second_in_which_it_stands() public {
        admitRetailer();
        bytes32 id = proposeRoles();
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, retailer.account));
        vm.prank(retailer.account);
        registry.vote(id);
        later(1);
        vm.prank(retailer.account);
        registry.vote(id);
    }

    function test_what_nobody_proposed_has_no_votes() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.UnknownProposal.selector, bytes32(uint256(1))));
        vm.prank(grower.account);
        registry.vote(bytes32(uint256(1)));
    }

    function test_a_proposal_passes_once() public {
        bytes32 id = proposeRoles();
        vm.prank(roaster.account);
        registry.vote(id);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.ProposalPassed.selector, id));
        vm.prank(grower.account);
        registry.vote(id);
    }

    function test_a_proposal_expires_after_7_days() public {
        bytes32 id = proposeRoles();
        vm.warp(START + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.ProposalExpired.selector, id, START + 7 days));
        vm.prank(roaster.account);
        registry.vote(id);
        vm.warp(START + 7 days - 1);
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertTrue(registry.proposalOf(id).isPassed, "has passed in its last second");
    }

    function test_a_member_has_one_vote_and_proposing_is_it() public {
        bytes32 id = proposeRoles();
        vm.assertTrue(registry.hasVoted(id, carrier.account), "proposing is voting");
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AlreadyVoted.selector, id, carrier.account));
        vm.prank(carrier.account);
        registry.vote(id);
    }

    function test_a_new_controller_has_no_second_vote() public {
        bytes32 id = proposeRoles();
        bytes memory consent = controllerConsentOf(successor, carrier.account);
        vm.prank(carrier.account);
        registry.replaceController(successor.account, 0, consent);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AlreadyVoted.selector, id, carrier.account));
        vm.prank(successor.account);
        registry.vote(id);
    }

    function test_what_can_no_more_be_carried_out_does_not_pass() public {
        vm.prank(carrier.account);
        bytes32 id = registry.proposeSuspension(grower.account, 77);
        vm.prank(grower.account);
        registry.leave();
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.NotPresent.selector, grower.account, IPartyRegistry.Status.Left)
        );
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertTrue(!registry.hasVoted(id, roaster.account), "the vote is not cast");
    }

    function test_half_is_not_a_majority() public {
        admitRetailer();
        later(1);
        bytes32 id = proposeRoles();
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertTrue(!registry.proposalOf(id).isPassed, "two of four are not more than half");
        vm.prank(retailer.account);
        vm.expectEmit();
        emit IPartyRegistry.Voted(id, retailer.account);
        vm.expectEmit();
        emit IPartyRegistry.Passed(id);
        vm.expectEmit();
        emit IPartyRegistry.RolesChanged(grower.account, 3);
        registry.vote(id);
        vm.assertEq(registry.profileOf(grower.account).roles, 3, "is carried out");
    }

    function test_a_vote_of_who_is_not_active_does_not_count() public {
        admitRetailer();
        later(1);
        bytes32 id = proposeRoles();
        vm.prank(grower.account);
        registry.vote(id);
        suspendGrower();
        // Carrier and grower have voted, and three are active next: one vote counts, the next one makes it two.
        later(1);
        vm.prank(retailer.account);
        registry.vote(id);
        vm.assertTrue(registry.proposalOf(id).isPassed, "carrier and retailer are two of three");
        vm.assertEq(registry.proposalOf(id).votes, 3, "three were cast");
    }

    function test_a_vote_cast_in_the_voters_last_second_does_not_count() public {
        admitRetailer();
        later(1);
        bytes32 id = proposeRoles();
        suspendGrower();
        vm.prank(grower.account);
        registry.vote(id);
        vm.assertTrue(!registry.proposalOf(id).isPassed, "one of three");
    }

    function test_who_is_admitted_in_this_second_counts_in_the_half() public {
        bytes32 id = proposeRoles();
        admitRetailer();
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertTrue(!registry.proposalOf(id).isPassed, "two of four are not more than half");
    }

    function test_a_lone_member_decides_by_proposing() public {
        vm.prank(grower.account);
        registry.leave();
        vm.prank(carrier.account);
        registry.leave();
        vm.prank(roaster.account);
        bytes32 id = registry.proposeRoles(roaster.account, 7, 0);
        vm.assertTrue(registry.proposalOf(id).isPassed, "has passed");
        vm.assertEq(registry.profileOf(roaster.account).roles, 7, "is carried out");
    }

    function testFuzz_more_than_half_of_the_active_decide(uint8 size, uint8 suspended, uint256 seed) public {
        uint256 count = uint256(size) % 12 + 2;
        Character[] memory all = new Character[](count);
        IPartyRegistry.Founder[] memory members = new IPartyRegistry.Founder[](count);
        for (uint256 i = 0; i < count; ++i) {
            all[i] = character(string(abi.encodePacked("member ", bytes1(uint8(0x41 + i)))));
            members[i] = IPartyRegistry.Founder(all[i].account, profile(100 + i, "Member"));
        }
        registry = new PartyRegistry(members);
        later(1);
        uint256 active = count;
        for (; active > count - uint256(suspended) % count && active > 1; --active) {
            vm.prank(all[0].account);
            bytes32 suspension = registry.proposeSuspension(all[active - 1].account, active);
            for (uint256 i = 1; i < active && !registry.proposalOf(suspension).isPassed; ++i) {
                vm.prank(all[i].account);
                registry.vote(suspension);
            }
            later(1);
        }

        vm.prank(all[seed % active].account);
        bytes32 id = registry.proposeRoles(all[0].account, 99, seed);
        for (uint256 votes = 1; votes <= active; ++votes) {
            vm.assertTrue(registry.proposalOf(id).isPassed == (votes * 2 > active), "more than half");
            if (votes * 2 > active) break;
            vm.prank(all[(seed % active + votes) % active].account);
            registry.vote(id);
        }
    }

    function proposeRoles() private returns (bytes32) {
        vm.prank(carrier.account);
        return registry.proposeRoles(grower.account, 3, 0);
    }
}
