// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// standingOf
// ├── when the time is after this block             reverts TimeNotReached
// ├── given an unknown key, or a use it has not     nobody
// ├── given the party was not active then           nobody
// └── given it stood then                           its party, whatever became of both since
contract StandingOfTest is Base {
    function test_the_future_is_not_answered() public {
        uint64 next = START + 1;
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.TimeNotReached.selector, next, START));
        registry.standingOf(grower.account, RECORD, next, 0);
        vm.expectRevert(abi.encodeWithSelector(IPartyRegistry.TimeNotReached.selector, FOREVER, START));
        registry.standingOf(stranger.account, 0, FOREVER, 0);
    }

    function test_an_unknown_key_stands_for_nobody() public view {
        assertStandsForNobody(stranger, RECORD, START);
        assertStandsForNobody(stranger, 0, START);
    }

    function test_a_use_is_one_that_the_key_has() public {
        authoriseScanner(RECORD | ANCHOR);
        later(1);
        assertStands(scanner, grower.account, RECORD, START + 1);
        assertStands(scanner, grower.account, RECORD | ANCHOR, START + 1);
        assertStandsForNobody(scanner, ATTEST, START + 1);
        assertStandsForNobody(scanner, RECORD | ATTEST, START + 1);
        assertStandsForNobody(scanner, 0, START + 1);
        assertStandsForNobody(scanner, 255, START + 1);
    }

    function test_a_suspension_takes_the_partys_time_and_no_other() public {
        suspendGrower();
        later(100);
        vm.prank(carrier.account);
        bytes32 id = registry.proposeReinstatement(grower.account, 0);
        vm.prank(roaster.account);
        registry.vote(id);
        later(100);

        assertStands(grower, grower.account, RECORD, START);
        assertStandsForNobody(grower, RECORD, START + 1);
        assertStandsForNobody(grower, RECORD, START + 100);
        assertStands(grower, grower.account, RECORD, START + 101);
    }

    function test_a_suspension_and_its_end_in_one_second_are_nothing() public {
        suspendGrower();
        vm.prank(carrier.account);
        bytes32 id = registry.proposeReinstatement(grower.account, 0);
        vm.prank(roaster.account);
        registry.vote(id);
        later(5);
        for (uint64 at = START; at <= START + 5; ++at) {
            assertStands(grower, grower.account, RECORD, at);
        }
        vm.assertEq(registry.activeCount(), 3, "three are active");
    }

    function test_before_its_party_was_admitted_nobody_stands() public {
        later(10);
        admitRetailer();
        later(10);
        assertStandsForNobody(retailer, RECORD, START + 10);
        assertStands(retailer, retailer.account, RECORD, START + 11);
    }
}
