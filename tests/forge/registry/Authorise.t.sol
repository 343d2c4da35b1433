// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// authorise
// ├── when the caller is no controller              reverts NotController
// ├── given the caller's party
// │   ├── has left or was removed                   reverts NotPresent
// │   └── is suspended                              authorises; the key stands once the party does
// ├── when uses are 0 or above 15                   reverts BadUses
// ├── when `from` is neither 0 nor in the future    reverts FromTooEarly
// ├── when `until` is not after `from`              reverts EmptyInterval
// ├── when the signer stands or has stood           reverts AddressTaken
// ├── when the signer has not consented
// │   ├── to this party, uses, from or until        reverts NoConsent
// │   ├── but somebody else has                     reverts NoConsent
// │   └── but in a form that is not allowed         reverts NoConsent
// └── when it has consented, by signature or by calling
//     ├── with from 0                               stands from the next second until `until`
//     └── with a later from                         stands from then until `until`
contract AuthoriseTest is Base {
    function test_only_a_controller_authorises() public {
        bytes memory consent = consentOf(scanner, grower.account, RECORD, 0, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, stranger.account));
        vm.prank(stranger.account);
        registry.authorise(scanner.account, RECORD, 0, FOREVER, consent);
    }

    function test_a_key_of_the_party_does_not_authorise_others() public {
        authoriseScanner(15);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, scanner.account));
        vm.prank(scanner.account);
        registry.authorise(stranger.account, RECORD, 0, FOREVER, "");
    }

    function test_a_removed_party_authorises_nobody() public {
        removeGrower();
        later(1);
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.NotPresent.selector, grower.account, IPartyRegistry.Status.Removed)
        );
        authoriseScannerHere(RECORD, 0, FOREVER, "");
    }

    function test_a_suspended_partys_new_key_stands_once_the_party_does() public {
        suspendGrower();
        later(1);
        authoriseScanner(RECORD);
        later(1);
        assertStandsForNobody(scanner, RECORD, block.timestamp);

        vm.prank(carrier.account);
        bytes32 id = registry.proposeReinstatement(grower.account, 0);
        vm.prank(roaster.account);
        registry.vote(id);
        later(1);
        assertStands(scanner, grower.account, RECORD, block.timestamp);
        assertStandsForNobody(scanner, RECORD, block.timestamp - 1);
    }

    function test_uses_are_at_least_one_and_no_others_than_the_four() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.BadUses.selector, 0));
        authoriseScannerHere(0, 0, FOREVER, "");
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.BadUses.selector, 16));
        authoriseScannerHere(16, 0, FOREVER, "");
    }

    function test_a_key_never_stands_for_the_past() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.FromTooEarly.selector, START, START + 1));
        authoriseScannerHere(RECORD, START, FOREVER, "");
    }

    function test_an_interval_is_not_empty() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.EmptyInterval.selector, START + 1, START + 1));
        authoriseScannerHere(RECORD, 0, START + 1, "");
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.EmptyInterval.selector, START + 9, START + 9));
        authoriseScannerHere(RECORD, START + 9, START + 9, "");
    }

    function test_an_address_stands_once_even_for_the_same_party() public {
        authoriseScanner(RECORD);
        bytes memory consent = consentOf(scanner, grower.account, ANCHOR, 0, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, scanner.account, grower.account));
        authoriseScannerHere(ANCHOR, 0, FOREVER, consent);
    }

    function test_a_key_that_ended_never_comes_back_for_anyone() public {
        authoriseScanner(RECORD);
        later(1);
        vm.prank(grower.account);
        registry.revoke(scanner.account, 0);
        later(10);

        bytes memory consent = consentOf(scanner, roaster.account, RECORD, 0, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, scanner.account, grower.account));
        vm.prank(roaster.account);
        registry.authorise(scanner.account, RECORD, 0, FOREVER, consent);
    }

    function test_a_member_is_nobody_elses_key() public {
        bytes memory consent = consentOf(roaster, grower.account, RECORD, 0, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, roaster.account, roaster.account));
        vm.prank(grower.account);
        registry.authorise(roaster.account, RECORD, 0, FOREVER, consent);
    }

    function test_a_consent_holds_for_what_it_says_and_for_nothing_else() public {
        assertNoConsent(consentOf(scanner, roaster.account, RECORD, 0, FOREVER));
        assertNoConsent(consentOf(scanner, grower.account, RECORD | ATTEST, 0, FOREVER));
        assertNoConsent(consentOf(scanner, grower.account, RECORD, START + 1, FOREVER));
        assertNoConsent(consentOf(scanner, grower.account, RECORD, 0, FOREVER - 1));
    }

    function test_nobody_consents_for_another() public {
        bytes32 digest = registry.consentDigest(grower.account, scanner.account, RECORD, 0, FOREVER);
        assertNoConsent(sign(stranger, digest));
        assertNoConsent(sign(grower, digest));
    }

    function test_a_consent_has_one_form() public {
        bytes32 digest = registry.consentDigest(grower.account, scanner.account, RECORD, 0, FOREVER);
        bytes memory good = sign(scanner, digest);
        assertNoConsent("");
        assertNoConsent(signHighS(scanner, digest));
        assertNoConsent(bytes.concat(good, hex"00"));
        assertNoConsent(new bytes(65));
    }

    function test_with_from_0_a_key_stands_from_the_next_second() public {
        bytes memory consent = consentOf(scanner, grower.account, RECORD, 0, START + 100);
        vm.expectEmit();
        emit IPartyRegistry.SignerAuthorised(grower.account, scanner.account, RECORD, START + 1, START + 100);
        authoriseScannerHere(RECORD, 0, START + 100, consent);

        vm.warp(START + 200);
        assertStandsForNobody(scanner, RECORD, START);
        assertStands(scanner, grower.account, RECORD, START + 1);
        assertStands(scanner, grower.account, RECORD, START + 99);
        assertStandsForNobody(scanner, RECORD, START + 100);
    }

    function testFuzz_a_key_stands_exactly_in_its_interval(uint32 wait, uint32 length, uint64 at, uint8 uses) public {
        uint64 from = START + 1 + wait;
        uint64 until = from + 1 + length;
        uses = uses % 15 + 1;
        at = at % (until + 10);
        bytes memory consent = consentOf(scanner, grower.account, uses, from, until);
        authoriseScannerHere(uses, from, until, consent);

        vm.warp(until + 10);
        for (uint8 use = 0; use < 32; ++use) {
            (address party,) = registry.standingOf(scanner.account, use, at, 0);
            bool stands = use != 0 && (use & ~uses) == 0 && at >= from && at < until;
            vm.assertEq(party, stands ? grower.account : address(0), "in its interval, for its uses");
        }
    }

    function test_a_contract_account_consents_by_calling() public {
        bytes32 digest = registry.consentDigest(grower.account, address(this), RECORD, 0, FOREVER);
        vm.expectEmit();
        emit IPartyRegistry.Approved(address(this), digest);
        registry.approve(digest);
        vm.assertTrue(registry.hasApproved(address(this), digest), "has approved");

        vm.prank(grower.account);
        registry.authorise(address(this), RECORD, 0, FOREVER, "");
        vm.assertEq(registry.signerOf(address(this)).party, grower.account, "stands for the grower");
    }

    function assertNoConsent(bytes memory signature) private {
        bytes32 digest = registry.consentDigest(grower.account, scanner.account, RECORD, 0, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoConsent.selector, scanner.account, digest));
        authoriseScannerHere(RECORD, 0, FOREVER, signature);
    }

    function authoriseScannerHere(uint8 uses, uint64 from, uint64 until, bytes memory consent) private {
        vm.prank(grower.account);
        registry.authorise(scanner.account, uses, from, until, consent);
    }
}
