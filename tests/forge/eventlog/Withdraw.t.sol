// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {IEventLog} from "../../../contracts/interfaces/IEventLog.sol";

// withdraw
// ├── when the signature is not of the one form     reverts BadSignature
// ├── when the signer stands for no withdrawing     reverts NotAuthorised
// ├── when a key with use 8 signed                  withdraws for its party; not while that is suspended
// ├── when a controller signed                      withdraws, suspended, removed or not
// ├── when there is no signature                    the caller withdraws
// └── given it is withdrawn already                 keeps its first time
contract WithdrawTest is Base {
    bytes32 private constant RECORD_HASH = keccak256("a record");

    function test_a_signature_has_one_form() public {
        bytes32 digest = withdrawalDigest();
        bytes memory good = sign(grower, digest);
        assertBad(signHighS(grower, digest));
        assertBad(bytes.concat(good, hex"00"));
        assertBad(new bytes(65));
        assertBad(hex"01");
        good[64] = good[64] == bytes1(uint8(27)) ? bytes1(0) : bytes1(uint8(1));
        assertBad(good);
    }

    function test_only_a_key_that_stands_for_withdrawing_withdraws() public {
        assertMayNotWithdraw(stranger);
        authoriseScanner(RECORD | ATTEST | ANCHOR);
        later(1);
        assertMayNotWithdraw(scanner);
    }

    function test_another_digests_signature_is_a_strangers() public {
        bytes memory signature = sign(grower, RECORD_HASH);
        try eventLog.withdraw(RECORD_HASH, signature) {
            revert("a record's signature withdrew it");
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IEventLog.NotAuthorised.selector), "reason");
        }
    }

    function test_a_key_withdraws_for_its_party_and_anyone_submits_it() public {
        authoriseScanner(WITHDRAW);
        assertMayNotWithdraw(scanner);
        later(1);
        bytes memory signature = sign(scanner, withdrawalDigest());
        vm.expectEmit();
        emit IEventLog.Withdrawn(grower.account, RECORD_HASH, scanner.account, START + 1);
        vm.prank(stranger.account);
        eventLog.withdraw(RECORD_HASH, signature);
        vm.assertEq(eventLog.withdrawnAt(grower.account, RECORD_HASH), START + 1, "withdrawn");
        vm.assertEq(eventLog.withdrawnAt(scanner.account, RECORD_HASH), 0, "for the party, not for the key");
        vm.assertEq(eventLog.withdrawnAt(roaster.account, RECORD_HASH), 0, "and for nobody else");
    }

    function test_a_suspended_partys_keys_do_not_withdraw_but_its_controller_does() public {
        authoriseScanner(WITHDRAW);
        suspendGrower();
        later(1);
        assertMayNotWithdraw(scanner);
        eventLog.withdraw(RECORD_HASH, sign(grower, withdrawalDigest()));
        vm.assertEq(eventLog.withdrawnAt(grower.account, RECORD_HASH), START + 1, "withdrawn");
    }

    function test_a_removed_partys_controller_withdraws() public {
        removeGrower();
        later(9);
        eventLog.withdraw(RECORD_HASH, sign(grower, withdrawalDigest()));
        vm.assertEq(eventLog.withdrawnAt(grower.account, RECORD_HASH), START + 9, "withdrawn");
    }

    function test_a_former_controller_withdraws_no_more() public {
        bytes memory consent = controllerConsentOf(successor, grower.account);
        vm.prank(grower.account);
        registry.replaceController(successor.account, 0, consent);
        later(1);
        assertMayNotWithdraw(grower);
        eventLog.withdraw(RECORD_HASH, sign(successor, withdrawalDigest()));
        vm.assertEq(eventLog.withdrawnAt(grower.account, RECORD_HASH), START + 1, "by its name");
    }

    function test_without_a_signature_the_caller_withdraws() public {
        vm.prank(grower.account);
        eventLog.withdraw(RECORD_HASH, "");
        vm.assertEq(eventLog.withdrawnAt(grower.account, RECORD_HASH), START, "withdrawn");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.NotAuthorised.selector, stranger.account, WITHDRAW));
        vm.prank(stranger.account);
        eventLog.withdraw(RECORD_HASH, "");
    }

    function test_a_withdrawal_keeps_its_first_time() public {
        bytes memory signature = sign(grower, withdrawalDigest());
        eventLog.withdraw(RECORD_HASH, signature);
        later(100);
        eventLog.withdraw(RECORD_HASH, signature);
        vm.assertEq(eventLog.withdrawnAt(grower.account, RECORD_HASH), START, "first time");
    }

    function withdrawalDigest() private view returns (bytes32) {
        // Built here from the words of PROOF-FORMAT, not from the contract's constants.
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tallystick"),
                keccak256("1"),
                block.chainid,
                address(eventLog)
            )
        );
        bytes32 structHash = keccak256(abi.encode(keccak256("Withdrawal(bytes32 recordHash)"), RECORD_HASH));
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function assertBad(bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.BadSignature.selector));
        eventLog.withdraw(RECORD_HASH, signature);
    }

    function assertMayNotWithdraw(Character memory who) private {
        bytes memory signature = sign(who, withdrawalDigest());
        vm.expectRevert(abi.encodeWithSelector(IEventLog.NotAuthorised.selector, who.account, WITHDRAW));
        eventLog.withdraw(RECORD_HASH, signature);
    }
}
