// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EventLog} from "../../contracts/EventLog.sol";
import {PartyRegistry} from "../../contracts/PartyRegistry.sol";
import {IPartyRegistry} from "../../contracts/interfaces/IPartyRegistry.sol";

/// @dev The few cheat codes that these tests need, as Foundry names them.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function label(address account, string calldata name) external;
    function warp(uint256 timestamp) external;
    function prank(address caller) external;
    function expectRevert(bytes calldata reason) external;
    function expectEmit() external;
    function assume(bool condition) external pure;
    function assertTrue(bool condition, string calldata what) external pure;
    function assertEq(uint256 left, uint256 right, string calldata what) external pure;
    function assertEq(address left, address right, string calldata what) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata what) external pure;
    function assertEq(string calldata left, string calldata right, string calldata what) external pure;
    function assertEq(bytes calldata left, bytes calldata right, string calldata what) external pure;
    function cool(address account) external;
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
}

/// @dev A person or device with a key.
struct Character {
    address account;
    uint256 key;
}

/// @dev A consortium of three on the first day: grower, carrier and roaster, all active since START.
abstract contract Base {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    uint64 internal constant START = 1_800_000_000;
    uint64 internal constant FOREVER = type(uint64).max;
    uint8 internal constant RECORD = 1;
    uint8 internal constant ATTEST = 2;
    uint8 internal constant ANCHOR = 4;
    uint8 internal constant WITHDRAW = 8;
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    Character internal grower = character("grower");
    Character internal carrier = character("carrier");
    Character internal roaster = character("roaster");
    /// @dev No member: they come in by vote, or not at all.
    Character internal retailer = character("retailer");
    Character internal stranger = character("stranger");
    /// @dev A key of the grower's, where a test authorises it.
    Character internal scanner = character("scanner");
    /// @dev A fresh key that takes over as a controller.
    Character internal successor = character("successor");

    PartyRegistry internal registry;
    EventLog internal eventLog;

    function setUp() public virtual {
        vm.warp(START - 1);
        registry = new PartyRegistry(founders());
        eventLog = new EventLog(registry);
        vm.warp(START);
    }

    // ------------------------------------------------------------------------------------------------- characters

    function character(string memory name) internal returns (Character memory) {
        uint256 key = uint256(keccak256(bytes(name))) % (CURVE_ORDER - 1) + 1;
        address account = vm.addr(key);
        vm.label(account, name);
        return Character(account, key);
    }

    function founders() internal view returns (IPartyRegistry.Founder[] memory members) {
        members = new IPartyRegistry.Founder[](3);
        members[0] = IPartyRegistry.Founder(grower.account, profile(1, "Finca El Mirador"));
        members[1] = IPartyRegistry.Founder(carrier.account, profile(2, "Blue Anchor Shipping"));
        members[2] = IPartyRegistry.Founder(roaster.account, profile(3, "Night Owl Roasters"));
    }

    function profile(uint256 number, string memory name) internal pure returns (IPartyRegistry.Profile memory) {
        return IPartyRegistry.Profile(gln(number), name, 1, "https://node.example", hex"01");
    }

    /// @dev The `number`th GLN under GS1's prefix for demonstrations, 952.
    function gln(uint256 number) internal pure returns (string memory) {
        bytes memory digits = "9520000000000";
        for (uint256 i = 11; number > 0; --i) {
            digits[i] = bytes1(uint8(0x30 + number % 10));
            number /= 10;
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < 12; ++i) {
            sum += (uint8(digits[i]) - 0x30) * (i % 2 == 0 ? 1 : 3);
        }
        digits[12] = bytes1(uint8(0x30 + (10 - sum % 10) % 10));
        return string(digits);
    }

    // -------------------------------------------------------------------------------------------------- signatures

    function sign(Character memory who, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(who.key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The same signature with s in the upper half: the curve takes it, Tallystick does not.
    function signHighS(Character memory who, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(who.key, digest);
        return abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }

    function consentOf(Character memory signer, address party, uint8 uses, uint64 from, uint64 until)
        internal
        view
        returns (bytes memory)
    {
        return sign(signer, registry.consentDigest(party, signer.account, uses, from, until));
    }

    function controllerConsentOf(Character memory next, address party) internal view returns (bytes memory) {
        return consentOf(next, party, 15, 0, FOREVER);
    }

    // ----------------------------------------------------------------------------------------------------- actions

    /// @dev The grower's scanner stands from the next second on, for ever, for `uses`.
    function authoriseScanner(uint8 uses) internal {
        bytes memory consent = consentOf(scanner, grower.account, uses, 0, FOREVER);
        vm.prank(grower.account);
        registry.authorise(scanner.account, uses, 0, FOREVER, consent);
    }

    function later(uint256 secondsLater) internal {
        vm.warp(block.timestamp + secondsLater);
    }

    /// @dev Carrier and roaster, two of three, suspend the grower from the next second on.
    function suspendGrower() internal {
        vm.prank(carrier.account);
        bytes32 id = registry.proposeSuspension(grower.account, block.timestamp);
        vm.prank(roaster.account);
        registry.vote(id);
    }

    function removeGrower() internal {
        vm.prank(carrier.account);
        bytes32 id = registry.proposeRemoval(grower.account, block.timestamp);
        vm.prank(roaster.account);
        registry.vote(id);
    }

    /// @dev The carrier proposes the successor as the grower's controller: one vote of two.
    function proposeSuccessor(uint64 firstDisowned) internal returns (bytes32 id) {
        bytes memory consent = controllerConsentOf(successor, grower.account);
        IPartyRegistry.Change memory change =
            IPartyRegistry.Change(registry.controllerOf(grower.account), successor.account, firstDisowned);
        vm.prank(carrier.account);
        return registry.proposeReplacement(grower.account, change, consent, block.timestamp);
    }

    /// @dev And the roaster's vote decides: notice runs.
    function voteSuccessor(uint64 firstDisowned) internal {
        bytes32 id = proposeSuccessor(firstDisowned);
        vm.prank(roaster.account);
        registry.vote(id);
    }

    function proposeRetailer() internal returns (bytes32 id) {
        IPartyRegistry.Profile memory wanted = profile(4, "Corner Shop");
        bytes memory admission = sign(retailer, registry.admissionDigest(retailer.account, wanted));
        vm.prank(carrier.account);
        return registry.proposeAdmission(retailer.account, wanted, admission, block.timestamp);
    }

    function admitRetailer() internal {
        bytes32 id = proposeRetailer();
        vm.prank(roaster.account);
        registry.vote(id);
    }

    // -------------------------------------------------------------------------------------------------- assertions

    function assertStands(Character memory signer, address party, uint8 use, uint256 at) internal view {
        (address actual,) = registry.standingOf(signer.account, use, uint64(at), 0);
        vm.assertEq(actual, party, "stands for the party");
    }

    function assertStandsForNobody(Character memory signer, uint8 use, uint256 at) internal view {
        (address actual, bool disowned) = registry.standingOf(signer.account, use, uint64(at), 0);
        vm.assertEq(actual, address(0), "stands for nobody");
        vm.assertTrue(!disowned, "nobody disowns");
    }

    function assertStatus(address party, IPartyRegistry.Status status) internal view {
        vm.assertEq(uint256(registry.statusOf(party)), uint256(status), "status");
    }
}
