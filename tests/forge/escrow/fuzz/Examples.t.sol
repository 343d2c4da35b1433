// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DeliveryEscrow} from "../../../../contracts/DeliveryEscrow.sol";
import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Lane} from "./Lane.sol";

/// @dev The examples of docs/escrow.md (sections 2, 9 and 13), number by number.
contract ExamplesTest is Lane {
    // Made by another implementation: ledger/orders.py.
    bytes32 private constant ORDER = 0x5261aa93a5cd419e18830bd7ffb20053416a6cea7d9d3bb52fb0eed14584d548;
    bytes32 private constant DELIVERY = 0x400976e3bd2d1a5392971a359275940f9b4d0e37378bda7f5e4c236d9f8c7658;
    bytes32 private constant ATTESTATION = 0xea43fa1a1bb8f6add6b091de55b7517797614091c81550bb63d6dc4ff43c39e0;
    bytes32 private constant DIVISION = 0x72d39ecb115030130a3bbd9830db71b425fe3b1a55b675c98e46f5c29f3af8d5;

    function test_ids_and_digests() public {
        address place = _address(0xe5);
        stage.etch(place, address(escrow).code);
        DeliveryEscrow there = DeliveryEscrow(place);
        vm.assertEq(there.orderId(_terms(), 7), ORDER, "order id");
        bytes32 reference_ = keccak256("urn:epc:id:sscc:952000.1234567890");
        bytes32 salt = bytes32(type(uint256).max / 0xff * 0x5a);
        vm.assertEq(keccak256(abi.encode(ORDER, reference_, salt)), DELIVERY, "delivery id");
        bytes32 recordHash = bytes32(type(uint256).max / 0xff * 0xec);
        IDeliveryEscrow.Attestation memory attestation =
            IDeliveryEscrow.Attestation(ORDER, 0, DELIVERY, recordHash, 1_801_999_000, 1, 250);
        vm.assertEq(there.attestationDigest(attestation), ATTESTATION, "attestation");
        IDeliveryEscrow.Division memory division =
            IDeliveryEscrow.Division(ORDER, 0, 0, 3, 10_000, 30_000, 1_802_100_000);
        vm.assertEq(there.divisionDigest(division), DIVISION, "division");
    }

    function test_three_deliveries_of_one_third() public {
        bytes32 order = funded(plain());
        vm.assertEq(heldIn(order, deliver(order, 1)), 33_333, "first");
        vm.assertEq(heldIn(order, deliver(order, 1)), 33_333, "second");
        vm.assertEq(heldIn(order, 0), 33_334, "rest");
        vm.assertEq(heldIn(order, deliver(order, 1)), 33_334, "third");
        bytes32 fourth = deliver(order, 1);
        vm.assertTrue(escrow.itemOf(order, 0, fourth).exists && escrow.itemOf(order, 0, fourth).isEnded, "fourth");
    }

    function test_over_delivery() public {
        bytes32 order = funded(plain());
        vm.assertEq(heldIn(order, deliver(order, 2)), 66_666, "first");
        vm.assertEq(heldIn(order, deliver(order, 2)), 33_334, "second");
    }

    function test_late_short_of_quality_and_split() public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        milestone.grace = 5 days;
        (milestone.lateBps, milestone.lateCapBps, milestone.deductionCapBps) = (150, 400, 1_000);
        IDeliveryEscrow.Split[] memory splits = new IDeliveryEscrow.Split[](2);
        splits[0] = IDeliveryEscrow.Split(names[COOPERATIVE], 250);
        splits[1] = IDeliveryEscrow.Split(names[TRADER], 1_000);
        bytes32 order = funded(milestone, splits);
        vm.warp(DUE + 2 days + 1);
        bytes32 delivery = deliver(order, 1, DUE + 2 days + 1, 250);
        vm.assertEq(escrow.itemOf(order, 0, delivery).reduction, 650, "reduction");
        escrow.settle(order, 0, delivery);
        vm.assertEq(creditOf(ROASTER), 2_167, "buyer");
        vm.assertEq(creditOf(COOPERATIVE), 779, "one split");
        vm.assertEq(creditOf(TRADER), 3_116, "another");
        vm.assertEq(creditOf(GROWER), 27_271, "payee");
    }

    function test_a_divided_rest() public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        milestone.ordered = 4;
        bytes32 order = funded(milestone);
        vm.assertEq(heldIn(order, deliver(order, 1)), 25_000, "first");
        divide(order, 0, 10_000, 30_000);
        vm.assertEq(heldIn(order, 0), 35_000, "rest");
        vm.assertEq(heldIn(order, deliver(order, 2)), 35_000, "second");
        vm.assertEq(heldIn(order, deliver(order, 1)), 0, "third");
    }

    function test_a_ruling() public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.amount, milestone.window, milestone.arbitration) = (35_001, 1 days, 1 days);
        bytes32 order = funded(milestone);
        bytes32 delivery = deliver(order, 3);
        vm.prank(names[ROASTER]);
        escrow.dispute(order, 0, delivery);
        later(1 days);
        vm.prank(names[ARBITER]);
        escrow.rule(order, 0, delivery, 6_667);
        vm.assertEq(creditOf(GROWER), 23_335, "payee");
        vm.assertEq(creditOf(ROASTER), 11_666, "buyer");
    }

    function _terms() private pure returns (IDeliveryEscrow.Terms memory terms) {
        (terms.buyer, terms.seller, terms.token) = (_address(0xb1), _address(0x5e), IERC20(_address(0x70)));
        (terms.document, terms.arbiter) = (bytes32(type(uint256).max / 0xff * 0xd0), _address(0xa1));
        terms.fundBy = 1_800_000_000;
        terms.splits = new IDeliveryEscrow.Split[](1);
        terms.splits[0] = IDeliveryEscrow.Split(_address(0x51), 250);
        terms.attestors = new address[](2);
        (terms.attestors[0], terms.attestors[1]) = (_address(0xb1), _address(0xc1));
        terms.milestones = new IDeliveryEscrow.Milestone[](1);
        terms.milestones[0] = IDeliveryEscrow.Milestone({
            amount: 100_000,
            ordered: 3,
            attestorMask: 3,
            threshold: 2,
            due: 1_802_000_000,
            grace: 1 days,
            window: 2 days,
            arbitration: 7 days,
            lateBps: 150,
            lateCapBps: 400,
            deductionCapBps: 1_000
        });
    }

    /// @dev One byte, twenty times.
    function _address(uint8 byte_) private pure returns (address) {
        return address(uint160(type(uint160).max) / 0xff * byte_);
    }
}
