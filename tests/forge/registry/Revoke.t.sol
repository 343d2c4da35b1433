// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// revoke
// ├── when the caller is no controller              reverts NotController
// ├── when the key is not the caller's party's      reverts NotItsSigner
// ├── when the key is the controller                reverts IsController
// ├── when the key was revoked or replaced before   reverts AlreadyEnded
// └── when it is a key of the party
//     ├── that stands                               stands until the next second, and disowns from the number on
//     ├── that has not begun                        never stands
//     ├── that has expired                          keeps its end, and disowns from the number on
//     └── given the party is suspended or gone      ends all the same
contract RevokeTest is Base {
    function test_only_a_controller_revokes() public {
        authoriseScanner(RECORD);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, scanner.account));
        vm.prank(scanner.account);
        registry.revoke(scanner.account, 0);
    }

    function test_nobody_revokes_anothers_key() public {
        authoriseScanner(RECORD);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotItsSigner.selector, roaster.account, scanner.account));
        vm.prank(roaster.account);
        registry.revoke(scanner.account, 0);
    }

    function test_an_unknown_key_can_not_be_revoked() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotItsSigner.selector, grower.account, stranger.account));
        vm.prank(grower.account);
        registry.revoke(stranger.account, 0);
    }

    function test_a_controller_is_replaced_and_not_revoked() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.IsController.selector, grower.account));
        vm.prank(grower.account);
        registry.revoke(grower.account, 0);
    }

    function test_a_key_ends_once() public {
        authoriseScanner(RECORD);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 7);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AlreadyEnded.selector, scanner.account));
        vm.prank(grower.account);
        registry.revoke(scanner.account, 3);
    }

    function test_a_former_controller_has_had_its_end() public {
        bytes memory consent = controllerConsentOf(successor, grower.account);
        vm.prank(grower.account);
        registry.replaceController(successor.account, 7, consent);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AlreadyEnded.selector, grower.account));
        vm.prank(successor.account);
        registry.revoke(grower.account, 3);
    }

    function test_a_revoked_key_stands_to_the_end_of_the_second() public {
        authoriseScanner(RECORD);
        later(10);
        vm.expectEmit();
        emit IPartyRegistry.SignerRevoked(grower.account, scanner.account, START + 11, 7);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 7);

        assertStands(scanner, grower.account, RECORD, START + 10);
        later(1);
        assertStands(scanner, grower.account, RECORD, START + 10);
        assertStandsForNobody(scanner, RECORD, START + 11);
    }

    function testFuzz_numbers_from_the_first_disowned_on_are_disowned(uint64 firstDisowned, uint64 sequence) public {
        authoriseScanner(RECORD);
        later(10);
        (, bool before) = registry.standingOf(scanner.account, RECORD, START + 1, sequence);
        vm.prank(grower.account);
        registry.revoke(scanner.account, firstDisowned);

        (address party, bool disowned) = registry.standingOf(scanner.account, RECORD, START + 1, sequence);
        vm.assertEq(party, grower.account, "stood for the grower");
        vm.assertTrue(!before, "nothing is disowned before");
        vm.assertTrue(disowned == (sequence >= firstDisowned), "disowned from the number on, at once");
    }

    function test_a_key_revoked_before_it_begins_never_stands() public {
        bytes memory consent = consentOf(scanner, grower.account, RECORD, START + 50, FOREVER);
        vm.prank(grower.account);
        registry.authorise(scanner.account, RECORD, START + 50, FOREVER, consent);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 0);

        later(100);
        assertStandsForNobody(scanner, RECORD, START + 1);
        assertStandsForNobody(scanner, RECORD, START + 50);
    }

    function test_an_expired_key_keeps_its_end_and_disowns() public {
        bytes memory consent = consentOf(scanner, grower.account, RECORD, 0, START + 5);
        vm.prank(grower.account);
        registry.authorise(scanner.account, RECORD, 0, START + 5, consent);
        later(20);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 2);

        vm.assertEq(registry.signerOf(scanner.account).until, START + 5, "until stays");
        (, bool disowned) = registry.standingOf(scanner.account, RECORD, START + 4, 2);
        vm.assertTrue(disowned, "the number is disowned");
        (, disowned) = registry.standingOf(scanner.account, RECORD, START + 4, 1);
        vm.assertTrue(!disowned, "the number before is not");
    }

    function test_a_suspended_party_revokes() public {
        authoriseScanner(RECORD);
        suspendGrower();
        later(1);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 0);
        vm.assertTrue(registry.signerOf(scanner.account).isEnded, "has ended");
    }

    function test_a_removed_party_revokes() public {
        authoriseScanner(RECORD);
        removeGrower();
        later(1);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 0);
        vm.assertTrue(registry.signerOf(scanner.account).isEnded, "has ended");
    }
}
