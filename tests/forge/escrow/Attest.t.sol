// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {Character} from "../Base.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// attest, whether an attestation counts (Agree.t.sol: what comes of it; Record.t.sol: the record behind it)
// ├── when there is no such milestone                    reverts UnknownMilestone
// ├── when the signature is not of the one form          reverts BadSignature
// ├── when the signer is no attestor's                   reverts NotAttestor
// │   ├── a stranger, a key without use 2, the party of another bit, one suspended
// │   └── signed for another chain, contract, order, or altered since
// ├── when it counted before                             succeeds, whatever came since, and changes nothing
// ├── given the order is not funded                      reverts WrongState
// ├── when the delivery is zero                          reverts ZeroDelivery
// ├── given the rest has ended                           reverts RestEnded
// ├── given the delivery is agreed                       reverts AlreadyAgreed
// ├── when the attestor stated something on it before    reverts AlreadyAttested
// ├── when it was taken back                             reverts WasTakenBack (TakeBack.t.sol)
// ├── when the record counts already in the milestone    reverts RecordCounted; not in another milestone, nor for others
// └── otherwise                                          anyone submits it; without signature the caller states it
contract AttestTest is Deal {
    function test_only_a_milestone_is_delivered_to() public {
        bytes32 order = funded(terms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        said.milestone = 1;
        attestRefused(roaster, said, abi.encodeWithSelector(IDeliveryEscrow.UnknownMilestone.selector, order, 1));
        said = statement("nothing", "first", 1);
        attestRefused(
            roaster, said, abi.encodeWithSelector(IDeliveryEscrow.UnknownMilestone.selector, bytes32("nothing"), 0)
        );
    }

    // ------------------------------------------------------------------------------------------------- who states it

    function test_a_signature_has_one_form() public {
        bytes32 order = funded(terms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        bytes memory good = signed(roaster, said);
        assertBad(said, signHighS(roaster, escrow.attestationDigest(said)), evidence);
        assertBad(said, bytes.concat(good, hex"00"), evidence);
        assertBad(said, new bytes(65), evidence);
        good[64] = good[64] == bytes1(uint8(27)) ? bytes1(0) : bytes1(uint8(1));
        assertBad(said, good, evidence);
    }

    function test_only_an_attestor_of_the_milestone_states_deliveries() public {
        bytes32 order = funded(terms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        attestRefused(stranger, said, notAttestor(stranger, address(0)));
        attestRefused(grower, said, notAttestor(grower, grower.account));
        // An attestor of the order, but not of this milestone.
        attestRefused(inspector, said, notAttestor(inspector, inspector.account));
    }

    function test_a_key_states_where_it_stands_for_attesting() public {
        bytes32 order = funded(terms());
        bytes memory consent = consentOf(scanner, roaster.account, RECORD, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(scanner.account, RECORD, 0, FOREVER, consent);
        consent = consentOf(successor, roaster.account, ATTEST, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(successor.account, ATTEST, 0, FOREVER, consent);
        later(1);
        // The scanner records, the successor attests, and neither does the other's work.
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        attestRefused(scanner, said, notAttestor(scanner, address(0)));
        IDeliveryEscrow.Evidence memory evidence = anchored(scanner, said.recordHash);
        bytes memory signature = signed(successor, said);
        vm.expectEmit();
        emit IDeliveryEscrow.Attested(
            order, 0, said.delivery, roaster.account, successor.account, said.recordHash, START + 1, 1, 0
        );
        escrow.attest(said, signature, evidence);
        attestRefused(
            successor,
            statement(order, "second", 1),
            abi.encodeWithSelector(
                IDeliveryEscrow.NotItsRecord.selector, roaster.account, keccak256("second"), successor.account
            )
        );
    }

    function test_a_suspended_attestor_states_nothing() public {
        bytes32 order = funded(terms());
        suspend(roaster);
        later(1);
        attestRefused(roaster, statement(order, "first", 1), notAttestor(roaster, address(0)));
    }

    function test_a_signature_is_for_one_statement_in_one_contract_on_one_chain() public {
        bytes32 order = funded(terms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        bytes memory signature = signed(roaster, said);
        said.accepted = 2;
        assertStrangers(said, signature, evidence);
        said.accepted = 1;
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Attestation(bytes32 order,uint16 milestone,bytes32 delivery,bytes32 recordHash,uint64 happenedAt,uint128 accepted,uint16 deductionBps)"
                ),
                said
            )
        );
        assertStrangers(said, sign(roaster, typed(structHash, block.chainid + 1, address(escrow))), evidence);
        assertStrangers(said, sign(roaster, typed(structHash, block.chainid, address(eventLog))), evidence);
        // Built here from the words of CONTRACTS.md, not from the contract's constants.
        vm.assertEq(escrow.attestationDigest(said), typed(structHash, block.chainid, address(escrow)), "digest");
        escrow.attest(said, signature, evidence);
    }

    function test_without_a_signature_the_caller_states_it() public {
        bytes32 order = funded(terms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        vm.expectRevert(notAttestor(stranger, address(0)));
        vm.prank(stranger.account);
        escrow.attest(said, "", evidence);
        vm.prank(roaster.account);
        escrow.attest(said, "", evidence);
        vm.assertTrue(item(order, said.delivery).exists, "agreed");
    }

    // --------------------------------------------------------------------------------------------- where and when

    function test_nothing_is_delivered_before_the_order_is_funded_or_after_it_ended() public {
        bytes32 order = accepted(terms());
        attestRefused(roaster, statement(order, "first", 1), wrongState(order, IDeliveryEscrow.State.Accepted));
        order = funded(terms());
        vm.prank(grower.account);
        escrow.giveBack(order, 0, REST);
        attestRefused(roaster, statement(order, "first", 1), wrongState(order, IDeliveryEscrow.State.Ended));
    }

    function test_the_rest_is_no_delivery() public {
        IDeliveryEscrow.Attestation memory said = statement(funded(terms()), "first", 1);
        said.delivery = REST;
        attestRefused(roaster, said, abi.encodeWithSelector(IDeliveryEscrow.ZeroDelivery.selector));
    }

    function test_nothing_is_delivered_once_the_rest_has_ended() public {
        bytes32 order = funded(twoMilestones());
        vm.prank(roaster.account);
        escrow.release(order, 0, REST);
        attestRefused(
            roaster, statement(order, "first", 1), abi.encodeWithSelector(IDeliveryEscrow.RestEnded.selector, order, 0)
        );
    }

    function test_a_delivery_is_agreed_once() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", 1);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 1);
        said.recordHash = "another";
        attestRefused(roaster, said, abi.encodeWithSelector(IDeliveryEscrow.AlreadyAgreed.selector, order, 0, delivery));
    }

    function test_an_attestor_has_one_attestation_a_delivery() public {
        bytes32 order = funded(inspectedTerms());
        bytes32 delivery = deliver(order, "first", 1);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 2);
        said.recordHash = "another";
        attestRefused(
            roaster, said, abi.encodeWithSelector(IDeliveryEscrow.AlreadyAttested.selector, roaster.account, delivery)
        );
    }

    function test_also_one_on_nothing() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", 0);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", 2);
        said.recordHash = "another";
        attestRefused(
            roaster, said, abi.encodeWithSelector(IDeliveryEscrow.AlreadyAttested.selector, roaster.account, delivery)
        );
    }

    function test_a_record_counts_once_in_a_milestone() public {
        bytes32 order = funded(twoMilestones());
        deliver(order, "first", 1);
        IDeliveryEscrow.Attestation memory said = statement(order, "second", 1);
        said.recordHash = keccak256("first");
        attestRefused(roaster, said, abi.encodeWithSelector(IDeliveryEscrow.RecordCounted.selector, keccak256("first")));
        // One event may bring goods of two milestones.
        said.milestone = 1;
        attest(roaster, said);
        vm.assertTrue(escrow.itemOf(order, 1, said.delivery).exists, "in another milestone");
    }

    // ------------------------------------------------------------------------------------------ what was said before

    function test_one_that_counted_is_a_success_when_submitted_again() public {
        bytes32 order = funded(promptTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        attest(roaster, said);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        bytes memory signature = signed(roaster, said);
        uint64 before = version(order);
        escrow.attest(said, signature, evidence);
        vm.assertEq(version(order), before, "nothing changed");

        // Whatever came since: paid, ended, withdrawn, and the key gone.
        escrow.settle(order, 0, said.delivery);
        withdraw(roaster, said.recordHash);
        succeed(roaster);
        before = version(order);
        escrow.attest(said, signature, evidence);
        vm.assertEq(version(order), before, "nothing changed");
        said.accepted = 1;
        attestRefused(roaster, said, notAttestor(roaster, address(0)));
    }

    function test_one_that_waits_for_others_is_a_success_when_submitted_again() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        attest(roaster, said);
        attest(roaster, said);
        vm.assertTrue(!item(order, said.delivery).exists, "twice said is said by one");
    }

    /// @dev Two who state the same in the same words are two, though the digest is one: nobody swallows another's word by
    /// signing the other's record as well.
    function test_the_same_words_of_two_attestors_are_two_attestations() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        attest(inspector, said);
        vm.assertTrue(!item(order, said.delivery).exists, "one alone");
        attest(roaster, said);
        vm.assertTrue(item(order, said.delivery).exists, "agreed by two");
    }

    function test_who_uses_up_anothers_record_stops_nobody() public {
        bytes32 order = funded(inspectedTerms());
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS);
        IDeliveryEscrow.Attestation memory spoiled = statement(order, "other", 0);
        spoiled.recordHash = said.recordHash;
        attest(carrier, spoiled);
        attest(roaster, said);
        attest(inspector, said);
        vm.assertTrue(item(order, said.delivery).exists, "agreed");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function notAttestor(Character memory signer, address party) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.NotAttestor.selector, signer.account, party);
    }

    function typed(bytes32 structHash, uint256 chainId, address verifier) private pure returns (bytes32) {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("DeliveryEscrow"),
                keccak256("1"),
                chainId,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function assertBad(
        IDeliveryEscrow.Attestation memory said,
        bytes memory signature,
        IDeliveryEscrow.Evidence memory evidence
    ) private {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.BadSignature.selector));
        escrow.attest(said, signature, evidence);
    }

    /// @dev Some other account recovers from it, which stands for nobody.
    function assertStrangers(
        IDeliveryEscrow.Attestation memory said,
        bytes memory signature,
        IDeliveryEscrow.Evidence memory evidence
    ) private {
        try escrow.attest(said, signature, evidence) {
            revert("another signature was taken");
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IDeliveryEscrow.NotAttestor.selector), "reason");
        }
    }
}
