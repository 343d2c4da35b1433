// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "../../../../contracts/interfaces/IPartyRegistry.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Character} from "../../Base.sol";
import {Model} from "../model/Model.sol";
import {Payments} from "./Payments.sol";

/// @dev All that can happen to orders, with time, votes, misbehaving tokens and intruders; and what holds whatever happens.
contract World is Payments {
    mapping(IERC20 token => uint256) private _given;
    uint256 private _votes;

    /// @dev Two orders are open from the first day.
    function begin() external {
        setUp();
        for (uint256 i = 0; i < PARTIES; ++i) {
            mayBeCredited(names[i]);
        }
        mayBeCredited(stranger.account);
        _open(0);
        _open(5);
    }

    // -------------------------------------------------------------------------------------------------------- time

    function wait(uint256 seed) public played(seed) {
        uint256 howLong = roll(8);
        if (howLong < 2) later(roll(3));
        else if (howLong < 6) later(roll(8 hours));
        else later(roll(2 days));
        ++done["wait"];
    }

    /// @dev To the second in which something changes for an item, or the one before.
    function waitForAnEdge(uint256 seed) public played(seed) {
        Place memory place = anItem(Wanted.Held);
        IDeliveryEscrow.Item memory item = itemAt(place);
        (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(place.order, place.milestone);
        uint256[4] memory edges = [
            uint256(item.disputableUntil),
            item.settleableFrom,
            uint256(terms.due) + terms.grace + 1,
            uint256(terms.due) + 1
        ];
        uint256 edge = edges[roll(4)];
        if (oneIn(2) && edge > 0) --edge;
        if (edge > block.timestamp && edge < block.timestamp + 3 days) vm.warp(edge);
        ++done["wait"];
    }

    // ----------------------------------------------------------------------------------------------------- members

    function replaceController(uint256 seed) public played(seed) {
        if (!oneIn(2)) return;
        uint256 party = oneIn(4) ? ARBITER : roll(PARTIES);
        address former = controllerOf(names[party]);
        bytes memory consent = controllerConsentOf(_successor(party), names[party]);
        address next = _successor(party).account;
        vm.prank(former);
        (bool isDone,) = address(registry).call(abi.encodeCall(IPartyRegistry.replaceController, (next, 0, consent)));
        if (isDone) _replaced(party);
    }

    /// @dev Suspended, and later reinstated; or a controller is voted out, objects, or is replaced in the end.
    function vote(uint256 seed) public played(seed) {
        if (!oneIn(2)) return;
        uint256 party = roll(PARTIES);
        for (uint256 i = 0; i < PARTIES && isActive(party) && registry.noticeOf(names[party]).next == address(0); ++i) {
            party = (party + 1) % PARTIES;
        }
        address name = names[party];
        IPartyRegistry.Notice memory notice = registry.noticeOf(name);
        if (notice.next != address(0)) {
            _endNotice(party, notice);
        } else if (!isActive(party)) {
            _decide(abi.encodeCall(IPartyRegistry.proposeReinstatement, (name, ++_votes)));
            ++done["reinstate"];
        } else if (oneIn(2) && registry.activeCount() > PARTIES - 2) {
            _decide(abi.encodeCall(IPartyRegistry.proposeSuspension, (name, ++_votes)));
            ++done["suspend"];
        } else {
            Character memory next = _successor(party);
            IPartyRegistry.Change memory change = IPartyRegistry.Change(controllerOf(name), next.account, 0);
            bytes memory consent = controllerConsentOf(next, name);
            _decide(abi.encodeCall(IPartyRegistry.proposeReplacement, (name, change, consent, ++_votes)));
            ++done["vote out"];
        }
    }

    function _endNotice(uint256 party, IPartyRegistry.Notice memory notice) private {
        if (block.timestamp < notice.executableFrom && oneIn(3)) vm.warp(notice.executableFrom);
        if (block.timestamp >= notice.executableFrom) {
            registry.executeReplacement(names[party]);
            _replaced(party);
        } else {
            vm.prank(controllerOf(names[party]));
            registry.object();
            ++done["object"];
        }
    }

    function _successor(uint256 party) private returns (Character memory) {
        return _controller(party, controllers[party] + 1);
    }

    function _replaced(uint256 party) private {
        Character memory next = _successor(party);
        keys[next.account] = next.key;
        mayBeCredited(next.account);
        ++controllers[party];
        ++done["replace controller"];
        later(1);
    }

    /// @dev All active members vote, until it has passed. It takes effect a second later.
    function _decide(bytes memory proposal) private {
        address proposer = anchorer();
        vm.prank(proposer);
        (bool isDone, bytes memory answer) = address(registry).call(proposal);
        vm.assertTrue(isDone, "proposed");
        bytes32 id = abi.decode(answer, (bytes32));
        for (uint256 i = 0; i < PARTIES && !registry.proposalOf(id).isPassed; ++i) {
            if (!isActive(i) || registry.hasVoted(id, names[i])) continue;
            vm.prank(controllerOf(names[i]));
            registry.vote(id);
        }
        later(1);
    }

    // ------------------------------------------------------------------------------------------------------ tokens

    function misbehave(uint256 seed) public played(seed) {
        uint256 what = roll(6);
        if (what == 0) liar.setSulks(oneIn(3));
        else if (what == 1) taxed.setFee(oneIn(2) ? 0 : roll(500));
        else if (what == 2) blocking.setBlocked(model.actorOf(creditors[roll(creditors.length)]), oneIn(2));
        else if (what == 3) rebasing.setPercent([50, 100, 103, 200][roll(4)]);
        else if (what == 4) _plan();
        else _give();
        ++done["misbehave"];
    }

    /// @dev The token is a creditor itself, where it has bought a receivable.
    function _plan() private {
        Place memory place = anItem(Wanted.Due);
        bytes[] memory plans = new bytes[](6);
        plans[0] = abi.encodeCall(IDeliveryEscrow.settle, (place.order, place.milestone, place.delivery));
        plans[1] = abi.encodeCall(IDeliveryEscrow.giveBack, (place.order, place.milestone, place.delivery));
        plans[2] = abi.encodeCall(IDeliveryEscrow.collect, (tokens[5], creditors[roll(creditors.length)]));
        plans[3] = abi.encodeCall(IDeliveryEscrow.collectTo, (tokens[5], address(intruder), vault));
        plans[4] = abi.encodeCall(IDeliveryEscrow.fund, (place.order));
        bytes[] memory calls = new bytes[](1);
        calls[0] = plans[2];
        plans[5] = abi.encodeCall(IDeliveryEscrow.multicall, (calls));
        intruder.plan(address(escrow), plans);
    }

    function _give() private {
        IERC20 token = tokens[roll(TOKENS)];
        uint256 amount = roll(1_000_000);
        give(token, address(escrow), amount);
        _given[token] += amount;
    }

    // --------------------------------------------------------------------------------------------------- intruders

    /// @dev Who stands for nothing here, or for recording alone, tries what is others' to do.
    function intrude(uint256 seed) public played(seed) {
        Place memory place = anItem(Wanted.Held);
        if (place.order == 0 || escrow.orderOf(place.order).state != IDeliveryEscrow.State.Funded) return;
        address caller = oneIn(3) ? stranger.account : scanners[roll(PARTIES)].account;
        if (oneIn(3)) caller = controllerOf(names[BYSTANDER]);
        bytes[9] memory calls = [
            abi.encodeCall(IDeliveryEscrow.release, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(IDeliveryEscrow.giveBack, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(IDeliveryEscrow.dispute, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(IDeliveryEscrow.rule, (place.order, place.milestone, place.delivery, 10_000)),
            abi.encodeCall(IDeliveryEscrow.cancel, (place.order)),
            abi.encodeCall(IDeliveryEscrow.takeBack, (place.order, place.milestone, place.delivery)),
            abi.encodeCall(
                IDeliveryEscrow.collectTo, (escrow.orderOf(place.order).token, creditors[roll(PARTIES)], caller)
            ),
            abi.encodeCall(IDeliveryEscrow.receivableMoved, (place.order, caller)),
            _ownDivision(place, caller)
        ];
        uint256 which = roll(9);
        if (which == 6 && caller == controllerOf(names[BYSTANDER])) return;
        vm.prank(caller);
        (bool isDone,) = address(escrow).call(calls[which]);
        vm.assertTrue(!isDone, "who has no part in an order does nothing to it");
        ++done["intrude"];
    }

    function _ownDivision(Place memory place, address caller) private view returns (bytes memory) {
        IDeliveryEscrow.Item memory item = itemAt(place);
        IDeliveryEscrow.Division memory division = IDeliveryEscrow.Division(
            place.order, place.milestone, place.delivery, item.version, item.held, 0, uint64(block.timestamp)
        );
        return abi.encodeCall(IDeliveryEscrow.divide, (division, signAs(caller, escrow.divisionDigest(division))));
    }

    // ---------------------------------------------------------------------------------------------- what always holds

    /// @dev For each token that changes balances by transfer only, the balance is held and credited, and what was given.
    function checkBalances() external view {
        for (uint256 i = 0; i < TOKENS - 1; ++i) {
            address token = address(tokens[i]);
            uint256 owed = model.heldIn(token) + model.owed(token) + _given[tokens[i]];
            vm.assertEq(tokens[i].balanceOf(address(escrow)), owed, "the balance is held, credits and gifts");
        }
    }

    function checkNobodyElseGains() external view {
        for (uint256 i = 0; i < TOKENS; ++i) {
            vm.assertEq(escrow.creditOf(tokens[i], stranger.account), 0, "a stranger is credited nothing");
            vm.assertEq(escrow.creditOf(tokens[i], names[BYSTANDER]), 0, "a party outside is credited nothing");
            vm.assertEq(tokens[i].balanceOf(controllerOf(names[BYSTANDER])), 0, "a party outside gains nothing");
            for (uint256 j = 0; j < PARTIES; ++j) {
                vm.assertEq(tokens[i].balanceOf(scanners[j].account), 0, "a scanner gains nothing");
            }
        }
    }

    /// @dev In a world that is forgotten afterwards: settling alone ends a funded order within the bound, whatever buyer and
    /// payee dispute in the last second in which they can; and the order of a stranger's calls moves no unit.
    function imagineTheEnd(uint256 seed) public played(seed) {
        if (!oneIn(4)) return;
        bytes32 order = anOrder(IDeliveryEscrow.State.Funded);
        if (escrow.orderOf(order).state != IDeliveryEscrow.State.Funded) return;
        uint256 present = stage.snapshotState();
        bytes32 outcome = _end(order, false);
        stage.revertToState(present);
        present = stage.snapshotState();
        vm.assertEq(outcome, _end(order, true), "the order of a stranger's calls moves no unit");
        stage.revertToState(present);
        ++done["imagine the end"];
    }

    function checkEnds() external {
        uint256 count = model.orderCount();
        for (uint256 i = 0; i < count; ++i) {
            bytes32 order = model.orders(i);
            if (escrow.orderOf(order).state == IDeliveryEscrow.State.Funded) _end(order, i % 2 == 0);
        }
    }

    function _end(bytes32 order, bool isBackwards) private returns (bytes32 outcome) {
        uint256 bound = _bound(order);
        address buyer = controllerOf(escrow.orderOf(order).buyer);
        Place[] memory places = itemsOf(order);
        // Each rest and delivery is disputed in its last second, where it can be. The earliest first.
        for (uint256 i = 0; i < places.length; ++i) {
            Place memory next = _nextDisputable(order);
            if (next.order == 0) break;
            if (itemAt(next).disputableUntil - 1 > block.timestamp) vm.warp(itemAt(next).disputableUntil - 1);
            disputeAs(buyer, next);
        }
        vm.assertTrue(block.timestamp <= bound, "nobody can dispute beyond the bound");
        vm.warp(bound);
        for (uint256 i = 0; i < places.length; ++i) {
            Place memory place = places[isBackwards ? places.length - 1 - i : i];
            if (itemAt(place).held > 0) vm.assertTrue(settleAs(stranger.account, place), "settled within the bound");
        }
        vm.assertEq(
            uint256(escrow.orderOf(order).state), uint256(IDeliveryEscrow.State.Ended), "settling alone ends the order"
        );
        (uint256 paidIn, uint256 paidOut) = model.paidOf(order);
        vm.assertEq(paidIn, paidOut, "what was paid in is paid out");
        for (uint256 i = 0; i < creditors.length; ++i) {
            uint256 amount = escrow.creditOf(escrow.orderOf(order).token, creditors[i]);
            outcome = keccak256(abi.encode(outcome, amount));
        }
    }

    function _nextDisputable(bytes32 order) private view returns (Place memory next) {
        Place[] memory places = itemsOf(order);
        uint64 first = FOREVER;
        for (uint256 i = 0; i < places.length; ++i) {
            IDeliveryEscrow.Item memory item = itemAt(places[i]);
            (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(order, places[i].milestone);
            bool can = item.held > 0 && !item.isDisputed && terms.arbitration > 0;
            if (!can || block.timestamp >= item.disputableUntil || item.disputableUntil >= first) continue;
            (next, first) = (places[i], item.disputableUntil);
        }
    }

    /// @dev docs/escrow.md, section 7, for the milestone for which it is greatest.
    function _bound(bytes32 order) private view returns (uint256 bound) {
        uint256 count = model.milestoneCount(order);
        for (uint16 i = 0; i < count; ++i) {
            (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(order, i);
            uint256 window = terms.window > 1 days ? terms.window : 1 days;
            uint256 from = uint256(terms.due) + terms.grace + window;
            if (from < block.timestamp) from = block.timestamp;
            uint256 until = from + 2 * uint256(terms.arbitration) + window;
            if (until > bound) bound = until;
        }
    }
}
