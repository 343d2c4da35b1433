// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";

import {Model} from "../model/Model.sol";
import {Deliveries} from "./Deliveries.sol";

/// @dev Items end: settled, released, given back, divided, disputed and ruled.
abstract contract Endings is Deliveries {
    struct Place {
        bytes32 order;
        uint16 milestone;
        bytes32 delivery;
    }

    enum Wanted {
        Held,
        Due,
        Disputable,
        Rulable
    }

    function settle(uint256 seed) public played(seed) {
        Place memory place = anItem(oneIn(4) ? Wanted.Held : Wanted.Due);
        uint64 from = itemAt(place).settleableFrom;
        if (from > block.timestamp && from < block.timestamp + 4 days && oneIn(2)) vm.warp(from);
        if (isMissed(place, Wanted.Due)) return;
        settleAs(somebody(), place);
    }

    function release(uint256 seed) public played(seed) {
        if (!oneIn(4)) return;
        Place memory place = anItem(Wanted.Held);
        if (isMissed(place, Wanted.Held)) return;
        address caller = oneIn(8) ? somebody() : controllerOf(escrow.orderOf(place.order).buyer);
        play(
            "release",
            caller,
            place.order,
            abi.encodeCall(IDeliveryEscrow.release, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(Model.release, (caller, place.order, place.milestone, place.delivery))
        );
    }

    function giveBack(uint256 seed) public played(seed) {
        if (!oneIn(4)) return;
        Place memory place = anItem(Wanted.Held);
        if (isMissed(place, Wanted.Held)) return;
        address caller = oneIn(8) ? somebody() : model.actorOf(escrow.payeeOf(place.order));
        play(
            "give back",
            caller,
            place.order,
            abi.encodeCall(IDeliveryEscrow.giveBack, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(Model.giveBack, (caller, place.order, place.milestone, place.delivery))
        );
    }

    function divide(uint256 seed) public played(seed) {
        Place memory place = anItem(Wanted.Held);
        if (isMissed(place, Wanted.Held)) return;
        IDeliveryEscrow.Item memory item = itemAt(place);
        uint128 parted = uint128(roll(uint256(item.held) + 1));
        uint128 toPayee = uint128(roll(uint256(parted) + 1));
        IDeliveryEscrow.Division memory division = IDeliveryEscrow.Division(
            place.order,
            place.milestone,
            place.delivery,
            item.version,
            toPayee,
            parted - toPayee,
            uint64(block.timestamp + roll(2 hours))
        );
        if (oneIn(24)) division.itemVersion += uint64(roll(2)) + 1;
        if (oneIn(24)) division.deadline = uint64(block.timestamp - 1);
        if (oneIn(24)) division.toBuyer = item.held;
        _divide(division);
    }

    function dispute(uint256 seed) public played(seed) {
        Place memory place = anItem(Wanted.Disputable);
        if (oneIn(3)) place.delivery = 0;
        if (place.delivery == 0) _waitForTheRest(place, 3 days);
        if (isMissed(place, Wanted.Disputable)) return;
        address caller = controllerOf(escrow.orderOf(place.order).buyer);
        if (oneIn(2)) caller = model.actorOf(escrow.payeeOf(place.order));
        if (oneIn(12)) caller = somebody();
        disputeAs(caller, place);
    }

    /// @dev A rest is disputed, and then comes a delivery that was recorded in time.
    function undercut(uint256 seed) public played(seed) {
        Place memory place = anItem(Wanted.Disputable);
        if (isMissed(place.order, IDeliveryEscrow.State.Funded)) return;
        Paper memory paper = _write(place.order);
        (place.milestone, place.delivery) = (paper.attestation.milestone, 0);
        _waitForTheRest(place, 6 days);
        if (isMissed(place, Wanted.Disputable)) return;
        disputeAs(controllerOf(escrow.orderOf(place.order).buyer), place);
        _submit("undercut", paper.signature.length == 0 ? paper.signer : somebody(), paper);
    }

    function rule(uint256 seed) public played(seed) {
        Place memory place = anItem(Wanted.Rulable);
        IDeliveryEscrow.Item memory item = itemAt(place);
        if (item.isDisputed && block.timestamp < item.disputableUntil && oneIn(2)) vm.warp(item.disputableUntil);
        if (isMissed(place, Wanted.Rulable)) return;
        address caller = oneIn(10) ? somebody() : controllerOf(names[ARBITER]);
        uint16 bps = uint16(oneIn(20) ? 10_001 : roll(10_001));
        play(
            "rule",
            caller,
            place.order,
            abi.encodeCall(IDeliveryEscrow.rule, (place.order, place.milestone, place.delivery, bps)),
            abi.encodeCall(Model.rule, (caller, place.order, place.milestone, place.delivery, bps))
        );
    }

    // ------------------------------------------------------------------------------------------------------- steps

    function settleAs(address caller, Place memory place) internal returns (bool) {
        return play(
            "settle",
            caller,
            place.order,
            abi.encodeCall(IDeliveryEscrow.settle, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(Model.settle, (place.order, place.milestone, place.delivery))
        );
    }

    /// @dev No dispute brings any item's times nearer.
    function disputeAs(address caller, Place memory place) internal returns (bool isDone) {
        Place[] memory places = itemsOf(place.order);
        IDeliveryEscrow.Item[] memory before = new IDeliveryEscrow.Item[](places.length);
        for (uint256 i = 0; i < places.length; ++i) {
            before[i] = itemAt(places[i]);
        }
        isDone = play(
            "dispute",
            caller,
            place.order,
            abi.encodeCall(IDeliveryEscrow.dispute, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(Model.dispute, (caller, place.order, place.milestone, place.delivery))
        );
        for (uint256 i = 0; i < places.length; ++i) {
            IDeliveryEscrow.Item memory item = itemAt(places[i]);
            vm.assertTrue(
                item.disputableUntil >= before[i].disputableUntil, "a dispute shortens nobody's time to dispute"
            );
            vm.assertTrue(item.settleableFrom >= before[i].settleableFrom, "a dispute settles nothing sooner");
        }
    }

    function _divide(IDeliveryEscrow.Division memory division) private {
        address caller = controllerOf(escrow.orderOf(division.order).buyer);
        address other = model.actorOf(escrow.payeeOf(division.order));
        if (oneIn(2)) (caller, other) = (other, caller);
        address signer = oneIn(12) ? somebody() : other;
        bytes memory signature;
        bytes32 digest = escrow.divisionDigest(division);
        // A contract can't sign; anybody may approve instead.
        if (keys[signer] == 0 || oneIn(8)) {
            vm.prank(signer);
            registry.approve(digest);
        } else {
            signature = signAs(signer, digest);
        }
        if (oneIn(16)) caller = somebody();
        play(
            "divide",
            caller,
            division.order,
            abi.encodeCall(IDeliveryEscrow.divide, (division, signature)),
            abi.encodeCall(Model.divide, (caller, signer, division))
        );
    }

    // ------------------------------------------------------------------------------------------------------- items

    function itemAt(Place memory place) internal view returns (IDeliveryEscrow.Item memory) {
        return escrow.itemOf(place.order, place.milestone, place.delivery);
    }

    /// @dev One as wanted, where chance finds it in some tries.
    function anItem(Wanted wanted) internal returns (Place memory place) {
        for (uint256 i = 0; i < 10; ++i) {
            bytes32 order = anOrder(IDeliveryEscrow.State.Funded);
            uint16 milestone = uint16(roll(model.milestoneCount(order)));
            bytes32[] memory deliveries = model.itemsIn(order, milestone);
            place = Place(order, milestone, deliveries.length == 0 ? bytes32(0) : deliveries[roll(deliveries.length)]);
            if (_isAs(wanted, place)) return place;
        }
    }

    function isMissed(Place memory place, Wanted wanted) internal returns (bool) {
        return !_isAs(wanted, place) && !oneIn(8);
    }

    function itemsOf(bytes32 order) internal view returns (Place[] memory places) {
        uint256 milestones = model.milestoneCount(order);
        uint256 count = 0;
        for (uint16 i = 0; i < milestones; ++i) {
            count += model.itemsIn(order, i).length;
        }
        places = new Place[](count);
        for (uint16 i = 0; i < milestones; ++i) {
            bytes32[] memory deliveries = model.itemsIn(order, i);
            for (uint256 j = 0; j < deliveries.length; ++j) {
                places[--count] = Place(order, i, deliveries[j]);
            }
        }
    }

    function _isAs(Wanted wanted, Place memory place) private view returns (bool) {
        IDeliveryEscrow.Item memory item = itemAt(place);
        if (item.held == 0) return false;
        if (wanted == Wanted.Held) return true;
        if (wanted == Wanted.Due) return item.settleableFrom <= block.timestamp;
        if (wanted == Wanted.Rulable) return item.isDisputed && block.timestamp < item.settleableFrom;
        (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(place.order, place.milestone);
        if (item.isDisputed || terms.arbitration == 0 || block.timestamp >= item.disputableUntil) return false;
        return place.delivery != 0 || block.timestamp + 3 days > uint256(terms.due) + terms.grace;
    }

    /// @dev Its time to be disputed begins after due and grace.
    function _waitForTheRest(Place memory place, uint256 patience) private {
        (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(place.order, place.milestone);
        uint256 from = uint256(terms.due) + terms.grace + (oneIn(8) ? 0 : 1);
        if (block.timestamp < from && from <= block.timestamp + patience) vm.warp(from);
    }
}
