// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";

import {Lane} from "./Lane.sol";

/// @dev docs/escrow.md, section 8: the second before each bound, and the second itself, for all durations.
contract TimesTest is Lane {
    function testFuzz_a_delivery_is_disputable_before_D_and_settleable_from_D_on(uint32 window, uint32 when) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.window, milestone.arbitration) = (1 + window % 365 days, 1);
        bytes32 order = funded(milestone);
        later(when % (DUE - block.timestamp));
        bytes32 delivery = deliver(order, 1);
        uint256 until = block.timestamp + milestone.window;
        vm.warp(until - 1);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.settle, (order, 0, delivery)), "settled before D");
        uint256 here = stage.snapshotState();
        _dispute(order, delivery);
        stage.revertToState(here);
        vm.warp(until);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.dispute, (order, 0, delivery)), "disputed at D");
        escrow.settle(order, 0, delivery);
    }

    function testFuzz_a_disputed_delivery_is_ruled_from_D_and_settled_after_its_arbitration(
        uint32 window,
        uint32 arbitration,
        uint32 when
    ) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.window, milestone.arbitration) = (1 + window % 365 days, 1 + arbitration % 365 days);
        bytes32 order = funded(milestone);
        bytes32 delivery = deliver(order, 1);
        uint256 until = block.timestamp + milestone.window;
        later(when % milestone.window);
        _dispute(order, delivery);
        vm.warp(until - 1);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.rule, (order, 0, delivery, 1)), "ruled before D");
        vm.warp(until + when % milestone.arbitration);
        uint256 here = stage.snapshotState();
        vm.prank(names[ARBITER]);
        escrow.rule(order, 0, delivery, 1);
        stage.revertToState(here);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.settle, (order, 0, delivery)), "settled during arbitration");
        vm.warp(until + milestone.arbitration);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.rule, (order, 0, delivery, 1)), "ruled after its time");
        escrow.settle(order, 0, delivery);
    }

    function testFuzz_a_rest_is_disputable_after_grace_and_settleable_from_R_on(uint32 grace, uint32 window) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.grace, milestone.window, milestone.arbitration) = (grace % 365 days, window % 365 days, 7 days);
        bytes32 order = funded(milestone);
        uint256 from = uint256(DUE) + milestone.grace + 1;
        uint256 until = restEndsAt(milestone);
        vm.warp(from - 1);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.dispute, (order, 0, 0)), "disputed within grace");
        vm.warp(from);
        uint256 here = stage.snapshotState();
        _dispute(order, 0);
        vm.assertEq(escrow.itemOf(order, 0, 0).settleableFrom, until + 7 days, "the rest waits for the arbiter");
        stage.revertToState(here);
        vm.warp(until - 1);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.settle, (order, 0, 0)), "settled before R");
        vm.warp(until);
        _assertRefused(abi.encodeCall(IDeliveryEscrow.dispute, (order, 0, 0)), "disputed at R");
        escrow.settle(order, 0, 0);
        vm.assertEq(creditOf(ROASTER), milestone.amount, "what was not delivered is the buyer's");
    }

    function testFuzz_who_disputes_a_rest_has_a_day_to_dispute_what_is_agreed_then(
        uint32 window,
        uint32 arbitration,
        uint32 when
    ) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        (milestone.window, milestone.arbitration) = (window % 3 days, 1 + arbitration % 365 days);
        bytes32 order = funded(milestone);
        Paper memory first = prepare(order, 1, uint64(block.timestamp), 0);
        Paper memory second = prepare(order, 1, uint64(block.timestamp), 0);
        vm.warp(DUE + 1);
        escrow.attest(first.attestation, first.signature, first.evidence);
        uint256 asAgreed = escrow.itemOf(order, 0, first.attestation.delivery).disputableUntil;
        vm.assertEq(asAgreed, block.timestamp + milestone.window, "before the dispute the window is the agreed one");
        _dispute(order, 0);
        vm.warp(DUE + 1 + when % (escrow.itemOf(order, 0, 0).settleableFrom - DUE - 1));
        escrow.attest(second.attestation, second.signature, second.evidence);
        uint256 until = escrow.itemOf(order, 0, second.attestation.delivery).disputableUntil;
        uint256 atLeast = milestone.window > 1 days ? milestone.window : 1 days;
        vm.assertEq(until, block.timestamp + atLeast, "after it a day at least");
        asAgreed = escrow.itemOf(order, 0, first.attestation.delivery).disputableUntil;
        vm.assertEq(asAgreed, DUE + 1 + milestone.window, "earlier deliveries stay as they were");
        _dispute(order, second.attestation.delivery);
    }

    function testFuzz_a_delivery_is_taken_until_grace_ends(uint32 grace, uint32 early) public {
        IDeliveryEscrow.Milestone memory milestone = plain();
        milestone.grace = grace % 365 days;
        bytes32 order = funded(milestone);
        uint64 last = DUE + milestone.grace;
        vm.warp(last - early % 30 days);
        deliver(order, 1);
        vm.warp(last);
        deliver(order, 1);
        vm.warp(last + 1);
        (bool isDone,) = address(this).call(abi.encodeCall(this.deliverOnce, (order)));
        vm.assertTrue(!isDone, "anchored after grace");
    }

    function deliverOnce(bytes32 order) external {
        deliver(order, 1);
    }

    function _dispute(bytes32 order, bytes32 delivery) private {
        vm.prank(names[GROWER]);
        escrow.dispute(order, 0, delivery);
    }

    /// @dev By whomever it would be allowed to.
    function _assertRefused(bytes memory call, string memory what) private {
        bytes4 kind = bytes4(call);
        vm.prank(names[kind == IDeliveryEscrow.rule.selector ? ARBITER : GROWER]);
        (bool isDone,) = address(escrow).call(call);
        vm.assertTrue(!isDone, what);
    }
}
