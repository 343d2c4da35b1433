// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Cast} from "../invariants/Cast.sol";

/// @dev The straight way from terms to money: the roaster buys from the grower and attests alone what came.
abstract contract Lane is Cast {
    struct Paper {
        IDeliveryEscrow.Attestation attestation;
        bytes signature;
        IDeliveryEscrow.Evidence evidence;
    }

    uint64 internal constant DUE = START + 30 days;

    uint256 private _count;

    function plain() internal pure returns (IDeliveryEscrow.Milestone memory) {
        return IDeliveryEscrow.Milestone({
            amount: 100_000,
            ordered: 3,
            attestorMask: 1,
            threshold: 1,
            due: DUE,
            grace: 0,
            window: 0,
            arbitration: 0,
            lateBps: 0,
            lateCapBps: 0,
            deductionCapBps: 0
        });
    }

    function funded(IDeliveryEscrow.Milestone memory milestone) internal returns (bytes32 order) {
        return funded(milestone, new IDeliveryEscrow.Split[](0));
    }

    function funded(IDeliveryEscrow.Milestone memory milestone, IDeliveryEscrow.Split[] memory splits)
        internal
        returns (bytes32 order)
    {
        IDeliveryEscrow.Terms memory terms;
        (terms.buyer, terms.seller, terms.token) = (names[ROASTER], names[GROWER], honest);
        terms.fundBy = uint64(block.timestamp + 1 days);
        if (milestone.arbitration > 0) terms.arbiter = names[ARBITER];
        terms.splits = splits;
        terms.attestors = new address[](1);
        terms.attestors[0] = names[ROASTER];
        terms.milestones = new IDeliveryEscrow.Milestone[](1);
        terms.milestones[0] = milestone;
        vm.prank(names[ROASTER]);
        order = escrow.propose(terms, ++_count);
        vm.prank(names[GROWER]);
        escrow.accept(order);
        give(honest, names[ROASTER], milestone.amount);
        vm.prank(names[ROASTER]);
        honest.approve(address(escrow), milestone.amount);
        vm.prank(names[ROASTER]);
        escrow.fund(order);
    }

    /// @dev Recorded, anchored and attested in this second; agreed, since one attestor is enough.
    function deliver(bytes32 order, uint128 accepted) internal returns (bytes32 delivery) {
        return deliver(order, accepted, uint64(block.timestamp), 0);
    }

    function deliver(bytes32 order, uint128 accepted, uint64 happenedAt, uint16 deduction)
        internal
        returns (bytes32 delivery)
    {
        Paper memory paper = prepare(order, accepted, happenedAt, deduction);
        escrow.attest(paper.attestation, paper.signature, paper.evidence);
        return paper.attestation.delivery;
    }

    /// @dev Recorded and anchored in this second, attested by whoever submits it, some time.
    function prepare(bytes32 order, uint128 accepted, uint64 happenedAt, uint16 deduction)
        internal
        returns (Paper memory paper)
    {
        bytes32 delivery = keccak256(abi.encode("delivery", ++_count));
        bytes32 recordHash = keccak256(abi.encode("record", _count));
        paper.attestation = IDeliveryEscrow.Attestation(order, 0, delivery, recordHash, happenedAt, accepted, deduction);
        paper.evidence.signature = sign(scanners[ROASTER], recordHash);
        // The only leaf is the root.
        paper.evidence.root = keccak256(bytes.concat(keccak256(abi.encode(recordHash, paper.evidence.signature))));
        vm.prank(names[ROASTER]);
        eventLog.anchor(paper.evidence.root, 1);
        paper.signature = sign(desks[ROASTER], escrow.attestationDigest(paper.attestation));
    }

    function divide(bytes32 order, bytes32 delivery, uint128 toPayee, uint128 toBuyer) internal {
        IDeliveryEscrow.Division memory division = IDeliveryEscrow.Division(
            order, 0, delivery, escrow.itemOf(order, 0, delivery).version, toPayee, toBuyer, FOREVER
        );
        bytes memory signature = signAs(names[GROWER], escrow.divisionDigest(division));
        vm.prank(names[ROASTER]);
        escrow.divide(division, signature);
    }

    function heldIn(bytes32 order, bytes32 delivery) internal view returns (uint256) {
        return escrow.itemOf(order, 0, delivery).held;
    }

    function creditOf(uint256 party) internal view returns (uint256) {
        return escrow.creditOf(honest, names[party]);
    }

    function restEndsAt(IDeliveryEscrow.Milestone memory milestone) internal pure returns (uint256) {
        return uint256(milestone.due) + milestone.grace + (milestone.window > 1 days ? milestone.window : 1 days);
    }
}
