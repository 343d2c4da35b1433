// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Character} from "../Base.sol";
import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

/// @dev What an order's life costs, kept in snapshots/Orders.json. Storage is cold, as in a transaction of its own; to each
/// figure come 21,000 and the calldata, and off it what is refunded for a credit that came and went.
contract GasOfOrdersTest is Deal {
    uint256 private constant PROMISED = 240_000;
    /// @dev A credit that came and went in one transaction (EIP-3529: a slot that is zero again).
    uint256 private constant REFUND = 19_900;

    bytes32 private order;
    IDeliveryEscrow.Attestation private said;
    IDeliveryEscrow.Evidence private evidence;
    Character private receiver = character("receiver");

    function test_gas_of_an_order_until_it_is_funded() public {
        IDeliveryEscrow.Terms memory wanted = threeMilestones();
        vm.prank(roaster.account);
        order = escrow.propose(wanted, 1);
        vm.snapshotGasLastCall("Orders", "propose, 3 milestones");
        cool();
        vm.prank(grower.account);
        escrow.accept(order);
        vm.snapshotGasLastCall("Orders", "accept");
        giveMoney(roaster.account, 3 * PRICE);
        cool();
        vm.prank(roaster.account);
        escrow.fund(order);
        vm.snapshotGasLastCall("Orders", "fund, 3 milestones");
    }

    function test_gas_of_a_delivery_that_pays_at_once() public {
        receive_(promptTerms(), 100);
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IDeliveryEscrow.attest, (said, signed(receiver, said), evidence));
        calls[1] = abi.encodeCall(IDeliveryEscrow.settle, (order, 0, said.delivery));
        calls[2] = abi.encodeCall(IDeliveryEscrow.collect, (token, grower.account));
        cool();
        vm.prank(stranger.account);
        escrow.multicall(calls);
        uint256 gas = vm.snapshotGasLastCall("Orders", "attest, settle and collect in one, 11 steps, a fresh holder");
        vm.assertEq(token.balanceOf(grower.account), PRICE / 5, "paid");
        gas += 21_000 + costOf(abi.encodeCall(IDeliveryEscrow.multicall, (calls)));
        vm.assertTrue(gas - REFUND <= PROMISED, "as promised");
    }

    function test_gas_of_each_step() public {
        receive_(terms(), 100);
        bytes memory signature = signed(receiver, said);
        cool();
        escrow.attest(said, signature, evidence);
        vm.snapshotGasLastCall("Orders", "attest, agreeing, 11 steps");
        cool();
        escrow.attest(said, signature, evidence);
        vm.snapshotGasLastCall("Orders", "attest what counted");
        cool();
        vm.prank(roaster.account);
        escrow.dispute(order, 0, said.delivery);
        vm.snapshotGasLastCall("Orders", "dispute");
        later(WINDOW);
        cool();
        vm.prank(chamber.account);
        escrow.rule(order, 0, said.delivery, 5_000);
        vm.snapshotGasLastCall("Orders", "rule");
        cool();
        escrow.collect(token, grower.account);
        vm.snapshotGasLastCall("Orders", "collect");
        cool();
        vm.prank(grower.account);
        receivable.mint(order);
        vm.snapshotGasLastCall("Orders", "mint a receivable");
        uint64 seen = version(order);
        cool();
        vm.prank(grower.account);
        receivable.transferIf(bank.account, uint256(order), seen);
        vm.snapshotGasLastCall("Orders", "transfer a receivable");
        cool();
        vm.prank(bank.account);
        escrow.giveBack(order, 0, REST);
        vm.snapshotGasLastCall("Orders", "give back, the order ends");
    }

    function test_gas_of_a_majority() public {
        receive_(inspectedTerms(), 100);
        bytes memory signature = signed(receiver, said);
        cool();
        escrow.attest(said, signature, evidence);
        vm.snapshotGasLastCall("Orders", "attest, one of three");
        said.recordHash = "the inspector's";
        evidence = anchored(inspector, said.recordHash);
        signature = signed(inspector, said);
        cool();
        escrow.attest(said, signature, evidence);
        vm.snapshotGasLastCall("Orders", "attest, agreeing, two of three");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function threeMilestones() private view returns (IDeliveryEscrow.Terms memory wanted) {
        wanted = terms();
        wanted.milestones = new IDeliveryEscrow.Milestone[](3);
        for (uint256 i = 0; i < 3; ++i) {
            wanted.milestones[i] = milestone();
        }
    }

    /// @dev As in daily life: a scanner of the roaster's records, another key attests, a batch has some 2,000 records.
    function receive_(IDeliveryEscrow.Terms memory wanted, uint128 bags) private {
        authorise(scanner, RECORD);
        authorise(receiver, ATTEST);
        later(1);
        order = funded(wanted);
        said = statement(order, "first", bags);
        evidence.signature = sign(scanner, said.recordHash);
        bytes32 node = keccak256(abi.encodePacked(keccak256(abi.encode(said.recordHash, evidence.signature))));
        for (uint256 i = 0; i < 11; ++i) {
            bytes32 sibling = keccak256(abi.encode(i));
            evidence.proof.push(sibling);
            node = sibling < node
                ? keccak256(abi.encodePacked(sibling, node))
                : keccak256(abi.encodePacked(node, sibling));
        }
        evidence.root = node;
        vm.prank(carrier.account);
        eventLog.anchor(node, 2048);
    }

    function authorise(Character memory who, uint8 uses) private {
        bytes memory consent = consentOf(who, roaster.account, uses, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(who.account, uses, 0, FOREVER, consent);
    }

    function cool() private {
        vm.cool(address(escrow));
        vm.cool(address(eventLog));
        vm.cool(address(registry));
        vm.cool(address(token));
        vm.cool(address(receivable));
    }

    /// @dev 16 for each byte, 4 for a zero (EIP-2028).
    function costOf(bytes memory data) private pure returns (uint256 gas) {
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }
}
