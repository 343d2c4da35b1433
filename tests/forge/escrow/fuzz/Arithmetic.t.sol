// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Lane} from "./Lane.sol";

/// @dev docs/escrow.md, section 9, over all amounts and quantities, reckoned another way: shares by remainders, not by
/// floors; days by counting.
contract ArithmeticTest is Lane {
    uint256 private constant BPS = 10_000;

    function testFuzz_however_a_delivery_is_cut_it_pays_the_same(
        uint128 amount,
        uint128 ordered,
        uint128[5] memory parts
    ) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.amount, milestone.ordered) = (_atLeastOne(amount), _atLeastOne(ordered));
        bytes32 order = funded(milestone);
        uint256 total = 0;
        uint256 gross = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            // Each a part of what is ordered, so that all together come near it, below and above.
            uint128 part = _atLeastOne(parts[i] % uint128(uint256(milestone.ordered) / 3 + 1));
            gross += heldIn(order, deliver(order, part));
            total += part;
        }
        (, uint128 taken, uint128 accepted) = escrow.milestoneOf(order, 0);
        vm.assertEq(taken, gross, "taken is the sum of the gross");
        vm.assertEq(accepted, total, "all is recorded, over-delivery included");
        vm.assertEq(heldIn(order, 0), milestone.amount - gross, "the rest holds what was not taken");

        bytes32 whole = funded(milestone);
        vm.assertEq(heldIn(whole, deliver(whole, uint128(total))), gross, "in one piece it is the same");
        uint256 counted = Math.min(total, milestone.ordered);
        vm.assertEq(gross, Math.mulDiv(milestone.amount, counted, milestone.ordered), "and what the quantity is worth");
    }

    function testFuzz_all_that_can_be_ordered_is_delivered_for_all_that_can_be_paid(uint128 part) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.amount, milestone.ordered) = (type(uint128).max, type(uint128).max);
        bytes32 order = funded(milestone);
        part = _atLeastOne(part);
        vm.assertEq(heldIn(order, deliver(order, part)), part, "a unit for a unit");
        deliver(order, type(uint128).max);
        vm.assertEq(heldIn(order, 0), 0, "the second takes what is left");
        deliver(order, type(uint128).max);
        (,, uint128 accepted) = escrow.milestoneOf(order, 0);
        vm.assertEq(accepted, type(uint128).max, "and counting stops at the greatest number");
    }

    function testFuzz_late_and_short_of_quality_takes_its_share_to_the_unit(
        uint128 amount,
        uint32 late,
        uint16[4] memory bps,
        uint16 deduction
    ) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        milestone.amount = _atLeastOne(amount);
        milestone.ordered = 1;
        milestone.grace = 365 days;
        late = late % (365 days + 1);
        (milestone.lateBps, milestone.lateCapBps) = (bps[0] % 500, bps[1] % 10_001);
        milestone.deductionCapBps = bps[2] % 10_001;
        bytes32 order = funded(milestone);
        vm.warp(DUE + late);
        bytes32 delivery = deliver(order, 1, DUE + late, deduction);

        uint256 lost = _daysLate(late) * milestone.lateBps;
        if (lost > milestone.lateCapBps) lost = milestone.lateCapBps;
        lost += deduction > milestone.deductionCapBps ? milestone.deductionCapBps : deduction;
        if (lost > BPS) lost = BPS;
        vm.assertEq(escrow.itemOf(order, 0, delivery).reduction, lost, "reduction");
        escrow.settle(order, 0, delivery);
        uint256 toBuyer = Math.mulDiv(milestone.amount, lost, BPS, Math.Rounding.Ceil);
        vm.assertEq(creditOf(ROASTER), toBuyer, "the buyer gets the remainder");
        vm.assertEq(creditOf(GROWER), milestone.amount - toBuyer, "the payee gets the share");
    }

    function testFuzz_splits_and_payee_get_all_that_goes_to_the_payee(uint128 amount, uint16[8] memory bps) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        milestone.amount = _atLeastOne(amount);
        IDeliveryEscrow.Split[] memory splits = new IDeliveryEscrow.Split[](8);
        uint256 toCooperative = 0;
        uint256 toCarrier = 0;
        for (uint256 i = 0; i < splits.length; ++i) {
            splits[i] = IDeliveryEscrow.Split(names[i % 2 == 0 ? COOPERATIVE : CARRIER], 1 + bps[i] % 1_250);
            // What is short of a whole basis point's share stays with the payee.
            uint256 share =
                (uint256(milestone.amount) * splits[i].bps - uint256(milestone.amount) * splits[i].bps % BPS) / BPS;
            if (i % 2 == 0) toCooperative += share;
            else toCarrier += share;
        }
        bytes32 order = funded(milestone, splits);
        vm.prank(names[ROASTER]);
        escrow.release(order, 0, 0);
        vm.assertEq(creditOf(COOPERATIVE), toCooperative, "one gets its shares");
        vm.assertEq(creditOf(CARRIER), toCarrier, "the other gets its shares");
        vm.assertEq(creditOf(GROWER), milestone.amount - toCooperative - toCarrier, "the payee gets the remainder");
    }

    function testFuzz_what_was_divided_from_the_rest_is_not_delivered_for(
        uint128 amount,
        uint128 ordered,
        uint128 divided,
        uint128[3] memory parts
    ) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.amount, milestone.ordered) = (_atLeastOne(amount) / 2 + 2, _atLeastOne(ordered));
        bytes32 order = funded(milestone);
        uint256 left = milestone.amount;
        divided = _atLeastOne(divided % uint128(left));
        divide(order, 0, divided / 3, divided - divided / 3);
        left -= divided;
        uint256 taken = 0;
        uint256 total = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            uint128 part = _atLeastOne(parts[i] % uint128(uint256(milestone.ordered) / 2 + 1));
            total = Math.min(total + part, milestone.ordered);
            uint256 gross = Math.min(Math.mulDiv(milestone.amount, total, milestone.ordered) - taken, left);
            vm.assertEq(heldIn(order, deliver(order, part)), gross, "the earlier ones and the division come first");
            (taken, left) = (taken + gross, left - gross);
        }
        vm.assertEq(heldIn(order, 0), left, "the rest");
    }

    function testFuzz_a_ruling_shares_what_the_item_then_holds(uint128 amount, uint128 divided, uint16 bps) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        milestone.amount = _atLeastOne(amount) / 2 + 2;
        (milestone.window, milestone.arbitration) = (1 days, 1 days);
        bytes32 order = funded(milestone);
        bytes32 delivery = deliver(order, milestone.ordered);
        vm.prank(names[GROWER]);
        escrow.dispute(order, 0, delivery);
        divided = _atLeastOne(divided % (milestone.amount - 1));
        divide(order, delivery, divided, 0);
        later(1 days);
        bps %= 10_001;
        vm.prank(names[ARBITER]);
        escrow.rule(order, 0, delivery, bps);
        uint256 toBuyer = Math.mulDiv(milestone.amount - divided, BPS - bps, BPS, Math.Rounding.Ceil);
        vm.assertEq(creditOf(ROASTER), toBuyer, "the buyer gets the remainder");
        vm.assertEq(creditOf(GROWER), milestone.amount - toBuyer, "the payee gets the rest of it");
    }

    function _daysLate(uint256 late) private pure returns (uint256 begun) {
        for (uint256 day = 0; day < late; day += 1 days) {
            ++begun;
        }
    }

    function _atLeastOne(uint128 number) private pure returns (uint128) {
        return number == 0 ? 1 : number;
    }
}
