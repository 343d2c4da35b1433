// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// proposeReplacement, object, executeReplacement
// ├── when the new one has not consented            reverts NoConsent
// ├── when the new one stands or has stood          reverts AddressTaken
// ├── when another is the controller by then        reverts AnotherController, at the proposal and at the vote
// └── once voted
//     ├── during 14 days                            execution reverts NoticeRunning
//     ├── when the controller objects, at any time  execution reverts NoNotice
//     ├── when anyone else objects                  reverts NotController, NoNotice
//     ├── in the 30 days after                      anyone executes it, effective one second later
//     ├── after these                               reverts NoNotice
//     ├── given a later vote                        that one counts, with a notice of its own
//     ├── given the new one has stood since         reverts AddressTaken
//     ├── given the party has left or was removed   reverts NoNotice
//     └── given the party is suspended              all the same
contract VotedReplacementTest is Base {
    function test_a_new_controller_consents_to_the_vote() public {
        IPartyRegistry.Change memory change = IPartyRegistry.Change(grower.account, successor.account, 0);
        bytes32 digest = registry.consentDigest(grower.account, successor.account, 15, 0, FOREVER);
        bytes memory consent = sign(stranger, digest);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoConsent.selector, successor.account, digest));
        vm.prank(carrier.account);
        registry.proposeReplacement(grower.account, change, consent, 0);
    }

    function test_a_new_controller_is_a_fresh_address() public {
        authoriseScanner(RECORD);
        bytes memory consent = controllerConsentOf(scanner, grower.account);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, scanner.account, grower.account));
        vm.prank(carrier.account);
        registry.proposeReplacement(
            grower.account, IPartyRegistry.Change(grower.account, scanner.account, 0), consent, 0
        );
    }

    function test_a_vote_replaces_the_controller_that_it_names() public {
        bytes memory consent = controllerConsentOf(successor, grower.account);
        vm.prank(carrier.account);
        bytes32 id = registry.proposeReplacement(
            grower.account, IPartyRegistry.Change(grower.account, successor.account, 0), consent, 0
        );
        bytes memory own = controllerConsentOf(stranger, grower.account);
        vm.prank(grower.account);
        registry.replaceController(stranger.account, 0, own);

        bytes memory reason = abi.encodeWithSelector(
            IPartyRegistry.AnotherController.selector, grower.account, grower.account, stranger.account
        );
        vm.expectRevert(reason);
        vm.prank(roaster.account);
        registry.vote(id);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeReplacement(
            grower.account, IPartyRegistry.Change(grower.account, successor.account, 0), consent, 1
        );
    }

    function test_the_controller_has_14_days_notice() public {
        bytes32 id = proposeSuccessor(7);
        vm.expectEmit();
        emit IPartyRegistry.ReplacementNotified(
            grower.account, grower.account, successor.account, 7, START + 14 days, START + 44 days
        );
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertEq(registry.noticeOf(grower.account).next, successor.account, "notice runs");

        later(14 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoticeRunning.selector, grower.account, START + 14 days));
        registry.executeReplacement(grower.account);
    }

    function test_after_the_notice_anyone_executes_it() public {
        voteSuccessor(7);
        later(14 days);
        vm.expectEmit();
        emit IPartyRegistry.ControllerReplaced(
            grower.account, grower.account, successor.account, START + 14 days + 1, 7
        );
        vm.prank(stranger.account);
        registry.executeReplacement(grower.account);

        vm.assertEq(registry.controllerOf(grower.account), grower.account, "acts to the end of the second");
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), successor.account, "controls");
        assertStands(successor, grower.account, RECORD, block.timestamp);
        (, bool disowned) = registry.standingOf(grower.account, RECORD, START, 7);
        vm.assertTrue(disowned, "7 is not the grower's own");
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, grower.account));
        registry.executeReplacement(grower.account);
    }

    function test_it_lapses_30_days_after_the_notice() public {
        voteSuccessor(0);
        later(44 days - 1);
        vm.assertEq(registry.noticeOf(grower.account).next, successor.account, "still executable");
        later(1);
        vm.assertEq(registry.noticeOf(grower.account).next, address(0), "has lapsed");
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, grower.account));
        registry.executeReplacement(grower.account);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, grower.account));
        vm.prank(grower.account);
        registry.object();
    }

    function test_in_its_last_second_it_is_executed() public {
        voteSuccessor(0);
        later(44 days - 1);
        registry.executeReplacement(grower.account);
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), successor.account, "controls");
    }

    function test_whoever_holds_the_key_wins_over_the_vote() public {
        voteSuccessor(0);
        later(20 days);
        vm.expectEmit();
        emit IPartyRegistry.ReplacementObjected(grower.account, successor.account);
        vm.prank(grower.account);
        registry.object();
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, grower.account));
        registry.executeReplacement(grower.account);
    }

    function test_nobody_objects_for_another() public {
        voteSuccessor(0);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, successor.account));
        vm.prank(successor.account);
        registry.object();
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, roaster.account));
        vm.prank(roaster.account);
        registry.object();
    }

    function test_a_later_vote_takes_the_place_of_a_notice() public {
        voteSuccessor(0);
        later(13 days);
        bytes memory consent = controllerConsentOf(stranger, grower.account);
        vm.prank(carrier.account);
        bytes32 id = registry.proposeReplacement(
            grower.account, IPartyRegistry.Change(grower.account, stranger.account, 0), consent, 0
        );
        vm.prank(roaster.account);
        registry.vote(id);
        later(13 days);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoticeRunning.selector, grower.account, START + 27 days));
        registry.executeReplacement(grower.account);
        later(1 days);
        registry.executeReplacement(grower.account);
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), stranger.account, "the later one controls");
    }

    function test_an_address_that_has_stood_since_does_not_take_over() public {
        voteSuccessor(0);
        bytes memory consent = consentOf(successor, roaster.account, RECORD, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(successor.account, RECORD, 0, FOREVER, consent);
        later(14 days);
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, successor.account, roaster.account)
        );
        registry.executeReplacement(grower.account);
    }

    function test_it_does_not_follow_a_party_out() public {
        voteSuccessor(0);
        vm.prank(grower.account);
        registry.leave();
        later(14 days);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, grower.account));
        registry.executeReplacement(grower.account);
    }

    function test_a_suspended_partys_controller_is_replaced_and_objects() public {
        suspendGrower();
        later(1);
        voteSuccessor(0);
        vm.prank(grower.account);
        registry.object();
        later(1);
        voteSuccessor(0);
        later(14 days);
        registry.executeReplacement(grower.account);
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), successor.account, "controls");
        assertStandsForNobody(successor, RECORD, block.timestamp);
    }
}
