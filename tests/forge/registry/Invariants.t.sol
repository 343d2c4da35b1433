// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {PartyRegistry} from "../../../contracts/PartyRegistry.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

/// @dev A dozen people and devices who do whatever the registry lets them: what it refuses, reverts and is forgotten.
contract Consortium is Base {
    struct Answer {
        address signer;
        uint8 use;
        uint64 at;
        address party;
    }

    Character[12] private cast_;
    bytes32[] private proposals;
    Answer[] private answers;
    uint256 private nonce;

    constructor() {
        vm.warp(START - 1);
        registry = new PartyRegistry(founders());
        vm.warp(START);
        cast_[0] = grower;
        cast_[1] = carrier;
        cast_[2] = roaster;
        for (uint256 i = 3; i < cast_.length; ++i) {
            cast_[i] = character(string(abi.encodePacked("person ", bytes1(uint8(0x41 + i)))));
        }
    }

    // Every action leaves one answer behind, about somebody at some time up to now.
    modifier remembered(uint256 seed) {
        _;
        address signer = cast_[seed % cast_.length].account;
        uint8 use = uint8(1 << (seed >> 8) % 4);
        uint64 at = uint64(block.timestamp - (seed >> 16) % (block.timestamp - START + 2));
        (address party,) = registry.standingOf(signer, use, at, 0);
        answers.push(Answer(signer, use, at, party));
    }

    function wait(uint256 seed, uint32 secondsLater) external remembered(seed) {
        later(uint256(secondsLater) % 16 days);
    }

    function waitALittle(uint256 seed, uint8 secondsLater) external remembered(seed) {
        later(uint256(secondsLater) % 3);
    }

    function authorise(uint256 seed, uint8 who, uint8 whom, uint8 uses, uint8 from, uint8 length)
        external
        remembered(seed)
    {
        uint64 begin = from % 3 == 0 ? 0 : uint64(block.timestamp) + 1 + from % 8;
        uint64 until = uint64(block.timestamp) + 10 + length;
        bytes memory consent = consentOf(person(whom), member(who), uses % 15 + 1, begin, until);
        address caller = controller(who);
        vm.prank(caller);
        registry.authorise(person(whom).account, uses % 15 + 1, begin, until, consent);
    }

    function revoke(uint256 seed, uint8 who, uint8 whom, uint8 firstDisowned) external remembered(seed) {
        address caller = controller(who);
        vm.prank(caller);
        registry.revoke(person(whom).account, firstDisowned);
    }

    function replaceController(uint256 seed, uint8 who, uint8 whom) external remembered(seed) {
        bytes memory consent = controllerConsentOf(person(whom), member(who));
        address caller = controller(who);
        vm.prank(caller);
        registry.replaceController(person(whom).account, 0, consent);
    }

    function leave(uint256 seed, uint8 who) external remembered(seed) {
        if (seed % 4 != 0) return;
        address caller = controller(who);
        vm.prank(caller);
        registry.leave();
    }

    function proposeChange(uint256 seed, uint8 kind, uint8 who, uint8 whom) external remembered(seed) {
        address party = member(whom);
        address caller = controller(who);
        vm.prank(caller);
        if (kind % 3 == 0) proposals.push(registry.proposeSuspension(party, ++nonce));
        else if (kind % 3 == 1) proposals.push(registry.proposeReinstatement(party, ++nonce));
        else proposals.push(registry.proposeRemoval(party, ++nonce));
    }

    function proposeAdmission(uint256 seed, uint8 who, uint8 whom, uint8 number) external remembered(seed) {
        IPartyRegistry.Profile memory wanted = profile(number % 16, "Member");
        bytes memory admission = sign(person(whom), registry.admissionDigest(person(whom).account, wanted));
        address caller = controller(who);
        vm.prank(caller);
        proposals.push(registry.proposeAdmission(person(whom).account, wanted, admission, ++nonce));
    }

    function proposeReplacement(uint256 seed, uint8 who, uint8 whom, uint8 next) external remembered(seed) {
        address party = member(whom);
        bytes memory consent = controllerConsentOf(person(next), party);
        IPartyRegistry.Change memory change =
            IPartyRegistry.Change(registry.controllerOf(party), person(next).account, 0);
        address caller = controller(who);
        vm.prank(caller);
        proposals.push(registry.proposeReplacement(party, change, consent, ++nonce));
    }

    function vote(uint256 seed, uint8 who, uint256 which) external remembered(seed) {
        if (proposals.length == 0) return;
        // Recent ones, which can still pass.
        uint256 back = which % (proposals.length < 3 ? proposals.length : 3);
        address caller = controller(who);
        vm.prank(caller);
        registry.vote(proposals[proposals.length - 1 - back]);
    }

    function executeReplacement(uint256 seed, uint8 whom) external remembered(seed) {
        registry.executeReplacement(member(whom));
    }

    function object(uint256 seed, uint8 who) external remembered(seed) {
        address caller = controller(who);
        vm.prank(caller);
        registry.object();
    }

    function checkAnswers() external view {
        for (uint256 i = 0; i < answers.length; ++i) {
            Answer memory answer = answers[i];
            (address party,) = registry.standingOf(answer.signer, answer.use, answer.at, 0);
            vm.assertEq(party, answer.party, "an answer about the past has changed");
        }
    }

    function checkMembers() external {
        uint256 now_ = block.timestamp;
        vm.warp(now_ + 1);
        address[] memory members = registry.members();
        uint256 active = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (registry.statusOf(members[i]) == IPartyRegistry.Status.Active) ++active;
            address account = registry.controllerOf(members[i]);
            vm.assertEq(registry.partyOfController(account), members[i], "a controller controls its party");
            vm.assertEq(registry.partyOfGln(registry.profileOf(members[i]).gln), members[i], "a GLN is its party's");
        }
        vm.assertEq(registry.activeCount(), active, "the active are counted as they will be");
        vm.assertTrue(active > 0, "somebody can always vote");
        vm.warp(now_);
    }

    function person(uint8 number) private view returns (Character memory) {
        return cast_[number % cast_.length];
    }

    function member(uint8 number) private view returns (address) {
        address[] memory members = registry.members();
        return members[number % members.length];
    }

    /// @dev Who acts for a member now; a person who may act for nobody where it does not stand yet.
    function controller(uint8 number) private view returns (address account) {
        account = registry.controllerOf(member(number));
        return account == address(0) ? person(number).account : account;
    }
}

/// @dev Whatever happens: an address has one answer for any past time; somebody can always vote; names, controllers
/// and GLNs fit each other.
contract InvariantsTest {
    /// @dev As forge reads it: which functions of the target to call.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Consortium private consortium;

    function setUp() public {
        consortium = new Consortium();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(consortium);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](12);
        selectors[0] = Consortium.wait.selector;
        selectors[1] = Consortium.waitALittle.selector;
        selectors[2] = Consortium.authorise.selector;
        selectors[3] = Consortium.revoke.selector;
        selectors[4] = Consortium.replaceController.selector;
        selectors[5] = Consortium.leave.selector;
        selectors[6] = Consortium.proposeChange.selector;
        selectors[7] = Consortium.proposeAdmission.selector;
        selectors[8] = Consortium.proposeReplacement.selector;
        selectors[9] = Consortium.vote.selector;
        selectors[10] = Consortium.executeReplacement.selector;
        selectors[11] = Consortium.object.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(consortium), selectors);
    }

    function invariant_an_answer_about_the_past_never_changes() external view {
        consortium.checkAnswers();
    }

    function invariant_members_and_their_names_fit_each_other() external {
        consortium.checkMembers();
    }
}
