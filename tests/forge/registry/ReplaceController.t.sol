// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// replaceController
// ├── when the caller is no controller              reverts NotController
// ├── when the caller was replaced in this second   reverts AnotherController
// ├── when the new one has not consented            reverts NoConsent
// ├── when the new one stands or has stood          reverts AddressTaken
// └── when the new one has consented
//     ├── in the second of the block                the former one still acts and stands
//     ├── one second later                          the new one acts and stands, the former never again
//     ├── given a voted replacement is pending      it lapses
//     └── given the party is suspended or gone      is replaced all the same
contract ReplaceControllerTest is Base {
    function test_only_a_controller_hands_over() public {
        bytes memory consent = controllerConsentOf(successor, grower.account);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, stranger.account));
        vm.prank(stranger.account);
        registry.replaceController(successor.account, 0, consent);
    }

    function test_a_party_is_handed_over_once_in_a_second() public {
        handOver(7);
        bytes memory consent = controllerConsentOf(stranger, grower.account);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPartyRegistry.AnotherController.selector, grower.account, grower.account, successor.account
            )
        );
        vm.prank(grower.account);
        registry.replaceController(stranger.account, 7, consent);
    }

    function test_a_new_controller_consents_to_everything_for_ever() public {
        bytes memory limited = consentOf(successor, grower.account, RECORD, 0, FOREVER);
        bytes32 digest = registry.consentDigest(grower.account, successor.account, 15, 0, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoConsent.selector, successor.account, digest));
        vm.prank(grower.account);
        registry.replaceController(successor.account, 0, limited);
    }

    function test_a_key_does_not_rise_to_controller() public {
        authoriseScanner(15);
        bytes memory consent = controllerConsentOf(scanner, grower.account);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, scanner.account, grower.account));
        vm.prank(grower.account);
        registry.replaceController(scanner.account, 0, consent);
    }

    function test_the_former_controller_acts_to_the_end_of_the_second() public {
        handOver(7);
        vm.assertEq(registry.controllerOf(grower.account), grower.account, "still controls");
        vm.assertEq(registry.partyOfController(successor.account), address(0), "does not control yet");
        vm.prank(grower.account);
        registry.setEndpoint("https://last.example");
    }

    function test_from_the_next_second_the_new_controller_acts_and_stands() public {
        vm.expectEmit();
        emit IPartyRegistry.ControllerReplaced(grower.account, grower.account, successor.account, START + 1, 7);
        handOver(7);
        later(1);

        vm.assertEq(registry.controllerOf(grower.account), successor.account, "controls");
        vm.assertEq(registry.partyOfController(successor.account), grower.account, "is found");
        vm.assertEq(registry.partyOfController(grower.account), address(0), "controls no more");
        assertStands(successor, grower.account, ATTEST, START + 1);
        assertStandsForNobody(successor, ATTEST, START);
        assertStands(grower, grower.account, ATTEST, START);
        assertStandsForNobody(grower, ATTEST, START + 1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, grower.account));
        vm.prank(grower.account);
        registry.setEndpoint("https://nobody.example");
    }

    function test_a_former_controllers_later_numbers_are_disowned() public {
        handOver(7);
        (, bool disowned) = registry.standingOf(grower.account, RECORD, START, 6);
        vm.assertTrue(!disowned, "6 is the grower's own");
        (, disowned) = registry.standingOf(grower.account, RECORD, START, 7);
        vm.assertTrue(disowned, "7 is not");
    }

    function test_a_voted_replacement_lapses_when_the_controller_hands_over() public {
        voteSuccessor(0);
        later(1 days);
        bytes memory consent = controllerConsentOf(stranger, grower.account);
        vm.prank(grower.account);
        registry.replaceController(stranger.account, 0, consent);
        later(14 days);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoNotice.selector, grower.account));
        registry.executeReplacement(grower.account);
    }

    function test_a_suspended_party_is_handed_over() public {
        suspendGrower();
        later(1);
        handOver(0);
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), successor.account, "controls");
        assertStandsForNobody(successor, RECORD, block.timestamp);
    }

    function test_a_departed_party_keeps_a_controller_and_hands_over() public {
        vm.prank(grower.account);
        registry.leave();
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), grower.account, "keeps its controller");
        handOver(0);
        later(1);
        vm.assertEq(registry.controllerOf(grower.account), successor.account, "controls");
    }

    function handOver(uint64 firstDisowned) private {
        bytes memory consent = controllerConsentOf(successor, grower.account);
        vm.prank(grower.account);
        registry.replaceController(successor.account, firstDisowned, consent);
    }
}
