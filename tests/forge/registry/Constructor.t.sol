// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";
import {PartyRegistry} from "../../../contracts/PartyRegistry.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// constructor
// ├── given no founder                              reverts NoFounders
// ├── given a founder without address               reverts ZeroAddress
// ├── given an address twice                        reverts AddressTaken
// ├── given a GLN twice                             reverts GlnTaken
// ├── given a GLN
// │   ├── that has not 13 bytes                     reverts BadGln
// │   ├── that is not all digits                    reverts BadGln
// │   └── whose check digit is wrong                reverts BadGln (fuzz: exactly one digit of ten is right)
// ├── given an empty name                           reverts EmptyName
// ├── given a name, endpoint or key that is too long    reverts TooLong
// └── given good founders
//     ├── in the second of the block                nobody stands yet
//     └── one second later                          each stands for itself, for every use, and is active
contract ConstructorTest is Base {
    function test_a_registry_needs_a_founder() public {
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.NoFounders.selector));
        new PartyRegistry(new IPartyRegistry.Founder[](0));
    }

    function test_a_founder_has_an_address() public {
        assertFounderRefused(
            IPartyRegistry.Founder(address(0), profile(4, "Nobody")),
            abi.encodeWithSelector(IPartyRegistry.ZeroAddress.selector)
        );
    }

    function test_an_address_founds_once() public {
        assertFounderRefused(
            IPartyRegistry.Founder(grower.account, profile(4, "Finca El Espejo")),
            abi.encodeWithSelector(IPartyRegistry.AddressTaken.selector, grower.account, grower.account)
        );
    }

    function test_a_gln_names_one_party() public {
        assertFounderRefused(
            IPartyRegistry.Founder(retailer.account, profile(1, "Corner Shop")),
            abi.encodeWithSelector(IPartyRegistry.GlnTaken.selector, gln(1), grower.account)
        );
    }

    function test_a_gln_has_13_digits() public {
        assertGlnRefused("");
        assertGlnRefused("952000000001");
        assertGlnRefused("95200000000190");
    }

    function test_a_gln_is_all_digits() public {
        assertGlnRefused("95200000000/9");
        assertGlnRefused("95200000000:9");
        assertGlnRefused(" 952000000001");
    }

    function testFuzz_one_check_digit_of_ten_is_right(uint40 number, uint8 digit) public {
        bytes memory wrong = bytes(gln(uint256(number) % 1_000_000_000));
        bytes1 right = wrong[12];
        wrong[12] = bytes1(0x30 + digit % 10);
        vm.assume(wrong[12] != right);
        assertGlnRefused(string(wrong));
    }

    function test_known_glns_are_good() public {
        // From GS1's General Specifications and EPCIS examples: not made by this test's own arithmetic.
        string[3] memory known = ["4012345000009", "0614141073467", "0614141000036"];
        for (uint256 i = 0; i < known.length; ++i) {
            IPartyRegistry.Founder[] memory members = founders();
            members[0].profile.gln = known[i];
            vm.assertEq(new PartyRegistry(members).partyOfGln(known[i]), grower.account, known[i]);
        }
    }

    function test_a_party_has_a_name() public {
        IPartyRegistry.Profile memory nameless = profile(4, "");
        assertFounderRefused(
            IPartyRegistry.Founder(retailer.account, nameless),
            abi.encodeWithSelector(IPartyRegistry.EmptyName.selector)
        );
    }

    function test_everything_stored_is_bounded() public {
        IPartyRegistry.Profile memory long = profile(4, string(new bytes(121)));
        assertProfileRefused(long, abi.encodeWithSelector(IPartyRegistry.TooLong.selector, 121, 120));
        long = profile(4, "Corner Shop");
        long.endpoint = string(new bytes(257));
        assertProfileRefused(long, abi.encodeWithSelector(IPartyRegistry.TooLong.selector, 257, 256));
        long = profile(4, "Corner Shop");
        long.encryptionKey = new bytes(1281);
        assertProfileRefused(long, abi.encodeWithSelector(IPartyRegistry.TooLong.selector, 1281, 1280));
    }

    function test_founders_stand_from_the_next_second() public {
        PartyRegistry fresh = new PartyRegistry(founders());
        (address party,) = fresh.standingOf(grower.account, RECORD, uint64(block.timestamp), 0);
        vm.assertEq(party, address(0), "nobody stands in the second of the foundation");
        vm.assertEq(fresh.controllerOf(grower.account), address(0), "nobody acts in the second of the foundation");

        later(1);
        for (uint8 use = 1; use <= 8; use *= 2) {
            (party,) = fresh.standingOf(grower.account, use, uint64(block.timestamp), 0);
            vm.assertEq(party, grower.account, "stands for every use");
        }
        vm.assertEq(fresh.controllerOf(grower.account), grower.account, "controls itself");
        vm.assertEq(fresh.activeCount(), 3, "three active members");
        vm.assertEq(fresh.members().length, 3, "three members");
        vm.assertEq(fresh.partyOfGln(gln(1)), grower.account, "is found by its GLN");
        vm.assertEq(fresh.profileOf(grower.account).name, "Finca El Mirador", "has its name");
    }

    function assertFounderRefused(IPartyRegistry.Founder memory fourth, bytes memory reason) private {
        IPartyRegistry.Founder[] memory three = founders();
        IPartyRegistry.Founder[] memory four = new IPartyRegistry.Founder[](4);
        for (uint256 i = 0; i < 3; ++i) {
            four[i] = three[i];
        }
        four[3] = fourth;
        vm.expectRevert(reason);
        new PartyRegistry(four);
    }

    function assertProfileRefused(IPartyRegistry.Profile memory bad, bytes memory reason) private {
        assertFounderRefused(IPartyRegistry.Founder(retailer.account, bad), reason);
    }

    function assertGlnRefused(string memory bad) private {
        IPartyRegistry.Profile memory wrong = profile(4, "Corner Shop");
        wrong.gln = bad;
        assertProfileRefused(wrong, abi.encodeWithSelector(IPartyRegistry.BadGln.selector, bad));
    }
}
