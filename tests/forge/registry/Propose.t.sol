// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {PartyRegistry} from "../../../contracts/PartyRegistry.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// propose...
// ├── any
// │   ├── when the caller is no active party's controller    reverts NotController, NotActive (Vote.t.sol)
// │   ├── when the same content has the same nonce           reverts ProposalExists
// │   ├── when it concerns no present party                  reverts NotPresent
// │   └── otherwise                                          has the hash of content and nonce as its id, for 7 days
// ├── admission
// │   ├── when the candidate has not consented to exactly that profile    reverts NoConsent
// │   ├── when its address stands or has stood               reverts AddressTaken
// │   ├── when its profile is bad                            reverts as in the constructor
// │   ├── when there are 256 members                         reverts TooManyMembers
// │   └── otherwise                                          is a member from the next second on
// ├── suspension
// │   ├── when it is not active                              reverts NotActive
// │   └── when it is the last active one                     reverts LastActiveMember, also within one second
// ├── reinstatement, when it is not suspended                reverts NotSuspended
// ├── removal
// │   ├── when it is the last active one                     reverts LastActiveMember
// │   └── otherwise                                          is gone for ever; its GLN is free, its address is not
// ├── GLN, when bad or taken                                 reverts BadGln, GlnTaken
// ├── name, when empty or too long                           reverts EmptyName, TooLong
// └── roles                                                  are any
contract ProposeTest is Base {
    function test_a_proposal_is_named_by_its_content_and_nonce() public {
        bytes memory content = abi.encode("Finca Nueva");
        bytes32 expected = keccak256(abi.encode(IPartyRegistry.Kind.ChangeName, grower.account, content, uint256(42)));
        vm.expectEmit();
        emit IPartyRegistry.Proposed(
            expected, carrier.account, grower.account, IPartyRegistry.Kind.ChangeName, content, 42, START + 7 days
        );
        vm.prank(carrier.account);
        bytes32 id = registry.proposeName(grower.account, "Finca Nueva", 42);

        vm.assertEq(id, expected, "id");
        IPartyRegistry.Proposal memory proposal = registry.proposalOf(id);
        vm.assertEq(proposal.party, grower.account, "party");
        vm.assertEq(proposal.content, content, "content");
        vm.assertEq(proposal.expiresAt, START + 7 days, "expires");
        vm.assertEq(proposal.votes, 1, "the proposer's vote");
    }

    function test_the_same_content_needs_another_nonce() public {
        vm.prank(carrier.account);
        bytes32 id = registry.proposeRoles(grower.account, 3, 42);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.ProposalExists.selector, id));
        vm.prank(roaster.account);
        registry.proposeRoles(grower.account, 3, 42);
        vm.prank(roaster.account);
        registry.proposeRoles(grower.account, 3, 43);
    }

    function test_no_vote_concerns_a_removed_or_departed_or_unknown_party() public {
        removeGrower();
        assertNoVoteConcerns(grower.account, IPartyRegistry.Status.Removed);
        assertNoVoteConcerns(stranger.account, IPartyRegistry.Status.None);
        admitRetailer();
        later(1);
        vm.prank(retailer.account);
        registry.leave();
        assertNoVoteConcerns(retailer.account, IPartyRegistry.Status.Left);
    }

    function test_a_candidate_consents_to_its_profile() public {
        IPartyRegistry.Profile memory wanted = profile(4, "Corner Shop");
        bytes memory admission = sign(retailer, registry.admissionDigest(retailer.account, wanted));
        wanted.name = "Corner Shop Ltd";
        bytes32 digest = registry.admissionDigest(retailer.account, wanted);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoConsent.selector, retailer.account, digest));
        vm.prank(carrier.account);
        registry.proposeAdmission(retailer.account, wanted, admission, 0);
    }

    function test_a_candidate_never_stood_for_anyone() public {
        authoriseScanner(RECORD);
        assertCandidateRefused(
            scanner,
            profile(4, "Scanner Inc"),
            abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, scanner.account, grower.account)
        );
        removeGrower();
        assertCandidateRefused(
            grower,
            profile(4, "Finca El Mirador again"),
            abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, grower.account, grower.account)
        );
    }

    function test_a_candidates_profile_is_checked() public {
        assertCandidateRefused(
            retailer,
            profile(1, "Corner Shop"),
            abi.encodeWithSelector(IPartyRegistry.GlnTaken.selector, gln(1), grower.account)
        );
        assertCandidateRefused(retailer, profile(4, ""), abi.encodeWithSelector(IPartyRegistry.EmptyName.selector));
    }

    function test_there_are_at_most_256_members() public {
        IPartyRegistry.Founder[] memory members = new IPartyRegistry.Founder[](256);
        for (uint256 i = 0; i < 256; ++i) {
            members[i] = IPartyRegistry.Founder(address(uint160(0x1000 + i)), profile(1000 + i, "Member"));
        }
        members[0].account = carrier.account;
        registry = new PartyRegistry(members);
        later(1);
        assertCandidateRefused(
            retailer, profile(4, "Corner Shop"), abi.encodeWithSelector(IPartyRegistry.TooManyMembers.selector)
        );
        vm.prank(carrier.account);
        registry.leave();
        IPartyRegistry.Profile memory wanted = profile(4, "Corner Shop");
        bytes memory admission = sign(retailer, registry.admissionDigest(retailer.account, wanted));
        vm.prank(address(0x1001));
        registry.proposeAdmission(retailer.account, wanted, admission, 0);
    }

    function test_an_admitted_party_is_a_member_from_the_next_second_on() public {
        bytes32 id = proposeRetailer();
        vm.expectEmit();
        emit IPartyRegistry.PartyAdmitted(retailer.account, profile(4, "Corner Shop"), START + 1);
        vm.expectEmit();
        emit IPartyRegistry.SignerAuthorised(retailer.account, retailer.account, 15, START + 1, FOREVER);
        vm.expectEmit();
        emit IPartyRegistry.StatusChanged(retailer.account, IPartyRegistry.Status.Active, START + 1);
        vm.prank(roaster.account);
        registry.vote(id);

        assertStatus(retailer.account, IPartyRegistry.Status.None);
        later(1);
        assertStatus(retailer.account, IPartyRegistry.Status.Active);
        assertStands(retailer, retailer.account, WITHDRAW, START + 1);
        vm.assertEq(registry.controllerOf(retailer.account), retailer.account, "controls itself");
        vm.assertEq(registry.partyOfGln(gln(4)), retailer.account, "is found by its GLN");
        vm.assertEq(registry.activeCount(), 4, "four are active");
    }

    function test_a_contract_account_is_admitted_by_calling() public {
        IPartyRegistry.Profile memory wanted = profile(4, "Corner Shop");
        registry.approve(registry.admissionDigest(address(this), wanted));
        vm.prank(carrier.account);
        bytes32 id = registry.proposeAdmission(address(this), wanted, "", 0);
        vm.prank(roaster.account);
        registry.vote(id);
        later(1);
        registry.setEndpoint("https://multisig.example");
        vm.assertEq(registry.profileOf(address(this)).endpoint, "https://multisig.example", "acts by calling");
    }

    function test_only_an_active_party_is_suspended() public {
        suspendGrower();
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.NotActive.selector, grower.account, IPartyRegistry.Status.Suspended)
        );
        vm.prank(carrier.account);
        registry.proposeSuspension(grower.account, 0);
    }

    function test_the_last_active_member_is_neither_suspended_nor_removed() public {
        suspendGrower();
        vm.prank(carrier.account);
        registry.leave();
        // Still the same second: the roaster is the last one as it will be in the next.
        bytes memory reason = abi.encodeWithSelector(IPartyRegistry.LastActiveMember.selector, roaster.account);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeSuspension(roaster.account, 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeRemoval(roaster.account, 0);
    }

    function test_of_two_members_one_second_takes_one() public {
        vm.prank(grower.account);
        registry.leave();
        later(1);
        vm.prank(carrier.account);
        bytes32 one = registry.proposeSuspension(carrier.account, 0);
        vm.prank(carrier.account);
        bytes32 other = registry.proposeSuspension(roaster.account, 0);
        vm.prank(roaster.account);
        registry.vote(one);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.LastActiveMember.selector, roaster.account));
        vm.prank(roaster.account);
        registry.vote(other);
    }

    function test_only_a_suspended_party_is_reinstated() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPartyRegistry.NotSuspended.selector, grower.account, IPartyRegistry.Status.Active)
        );
        vm.prank(carrier.account);
        registry.proposeReinstatement(grower.account, 0);
    }

    function test_a_suspended_party_is_reinstated_by_vote() public {
        suspendGrower();
        later(50);
        vm.assertEq(registry.activeCount(), 2, "two are active");
        vm.assertEq(registry.members().length, 3, "three are members");
        assertStatus(grower.account, IPartyRegistry.Status.Suspended);
        vm.prank(carrier.account);
        bytes32 id = registry.proposeReinstatement(grower.account, 0);
        vm.expectEmit();
        emit IPartyRegistry.StatusChanged(grower.account, IPartyRegistry.Status.Active, START + 51);
        vm.prank(roaster.account);
        registry.vote(id);
        later(1);
        assertStatus(grower.account, IPartyRegistry.Status.Active);
        vm.assertEq(registry.activeCount(), 3, "three are active");
    }

    function test_a_removed_party_is_gone_and_its_gln_is_free() public {
        removeGrower();
        later(1);
        assertStatus(grower.account, IPartyRegistry.Status.Removed);
        vm.assertEq(registry.controllerOf(grower.account), grower.account, "keeps its controller");
        vm.prank(carrier.account);
        bytes32 id = registry.proposeGln(roaster.account, gln(1), 0);
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertEq(registry.partyOfGln(gln(1)), roaster.account, "its GLN has another");
        vm.assertEq(registry.partyOfGln(gln(3)), address(0), "whose old one is free");
    }

    function test_a_suspended_party_is_removed() public {
        suspendGrower();
        later(1);
        removeGrower();
        later(1);
        assertStatus(grower.account, IPartyRegistry.Status.Removed);
        vm.assertEq(registry.activeCount(), 2, "two are active");
    }

    function test_a_gln_is_changed_to_a_good_and_free_one() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.BadGln.selector, "9520000000000"));
        vm.prank(carrier.account);
        registry.proposeGln(grower.account, "9520000000000", 0);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.GlnTaken.selector, gln(2), carrier.account));
        vm.prank(carrier.account);
        registry.proposeGln(grower.account, gln(2), 0);
    }

    function test_a_name_is_changed_to_one_that_is_neither_empty_nor_too_long() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.EmptyName.selector));
        vm.prank(carrier.account);
        registry.proposeName(grower.account, "", 0);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.TooLong.selector, 121, 120));
        vm.prank(carrier.account);
        registry.proposeName(grower.account, string(new bytes(121)), 0);

        vm.prank(carrier.account);
        bytes32 id = registry.proposeName(grower.account, "Finca Nueva", 0);
        vm.expectEmit();
        emit IPartyRegistry.NameChanged(grower.account, "Finca Nueva");
        vm.prank(roaster.account);
        registry.vote(id);
        vm.assertEq(registry.profileOf(grower.account).name, "Finca Nueva", "name");
    }

    function assertCandidateRefused(
        Character memory candidate,
        IPartyRegistry.Profile memory wanted,
        bytes memory reason
    ) private {
        bytes memory admission = sign(candidate, registry.admissionDigest(candidate.account, wanted));
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeAdmission(candidate.account, wanted, admission, 0);
    }

    function assertNoVoteConcerns(address party, IPartyRegistry.Status status) private {
        bytes memory consent = controllerConsentOf(successor, party);
        IPartyRegistry.Change memory change = IPartyRegistry.Change(party, successor.account, 0);
        bytes memory reason = abi.encodeWithSelector(IPartyRegistry.NotPresent.selector, party, status);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeSuspension(party, 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeReinstatement(party, 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeRemoval(party, 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeGln(party, gln(9), 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeName(party, "Nobody", 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeRoles(party, 1, 0);
        vm.expectRevert(reason);
        vm.prank(carrier.account);
        registry.proposeReplacement(party, change, consent, 0);
    }
}
