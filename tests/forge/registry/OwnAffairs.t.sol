// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// setEndpoint, setEncryptionKey
// ├── when the caller is no controller              reverts NotController
// ├── when it is too long                           reverts TooLong
// └── otherwise                                     is changed at once
contract OwnAffairsTest is Base {
    function test_only_the_controller_changes_endpoint_and_key() public {
        authoriseScanner(15);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, scanner.account));
        vm.prank(scanner.account);
        registry.setEndpoint("https://elsewhere.example");
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NotController.selector, scanner.account));
        vm.prank(scanner.account);
        registry.setEncryptionKey(hex"02");
    }

    function test_endpoint_and_key_are_bounded() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.TooLong.selector, 257, 256));
        vm.prank(grower.account);
        registry.setEndpoint(string(new bytes(257)));
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.TooLong.selector, 1281, 1280));
        vm.prank(grower.account);
        registry.setEncryptionKey(new bytes(1281));
    }

    function test_a_party_changes_its_endpoint_and_key_by_itself() public {
        vm.expectEmit();
        emit IPartyRegistry.EndpointChanged(grower.account, "https://new.example");
        vm.prank(grower.account);
        registry.setEndpoint("https://new.example");
        bytes memory key = new bytes(1280);
        vm.expectEmit();
        emit IPartyRegistry.EncryptionKeyChanged(grower.account, key);
        vm.prank(grower.account);
        registry.setEncryptionKey(key);

        IPartyRegistry.Profile memory changed = registry.profileOf(grower.account);
        vm.assertEq(changed.endpoint, "https://new.example", "endpoint");
        vm.assertEq(changed.encryptionKey, key, "key");
    }
}
