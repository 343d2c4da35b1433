// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {Cast, Stagecraft} from "./Cast.sol";

/// @dev Every call is played twice, in the contract and in the model: both do it or both refuse it, and then both are in
/// the same state. A third book is kept from the contract's logs alone.
abstract contract Stage is Cast {
    struct Held {
        uint256 amount;
        bool isOver;
    }

    uint256 private _dice;

    mapping(string action => uint256) public done;
    mapping(string action => uint256) public refused;
    /// @dev Whoever may ever be credited.
    address[] internal creditors;

    mapping(bytes32 item => Held) private _held;
    mapping(bytes32 order => uint256) private _versions;
    mapping(bytes32 order => uint256) private _paidIn;
    mapping(bytes32 order => uint256) private _credited;
    /// @dev Of the last ItemPaid, what no Credited has told of yet.
    uint256 private _untold;

    // ---------------------------------------------------------------------------------------------------- chance

    modifier played(uint256 seed) {
        _dice = seed;
        _;
    }

    function roll(uint256 sides) internal returns (uint256) {
        _dice = uint256(keccak256(abi.encode(_dice)));
        return _dice % sides;
    }

    function oneIn(uint256 sides) internal returns (bool) {
        return roll(sides) == 0;
    }

    // ----------------------------------------------------------------------------------------------- both at once

    function play(string memory action, address caller, bytes32 order, bytes memory call, bytes memory inModel)
        internal
        returns (bool isDone)
    {
        return playAt(action, address(escrow), caller, order, call, address(model), inModel);
    }

    function playAt(
        string memory action,
        address target,
        address caller,
        bytes32 order,
        bytes memory call,
        address stageModel,
        bytes memory inModel
    ) internal returns (bool isDone) {
        (bool isExpected, bytes memory reason) = stageModel.call(inModel);
        stage.recordLogs();
        vm.prank(caller);
        bytes memory answer;
        (isDone, answer) = target.call(call);
        if (isDone && !isExpected) revert(string.concat(action, " was done, though: ", _words(reason)));
        if (!isDone && isExpected) {
            revert(string.concat(action, " was refused, though it should not be: ", stage.toString(answer)));
        }

        if (!isDone) {
            ++refused[action];
            return false;
        }
        ++done[action];
        _read(stage.getRecordedLogs());
        vm.assertEq(intruder.intrusions(), 0, "the lock keeps a token out");
        if (order != 0) compare(order);
    }

    function compare(bytes32 order) internal view {
        _compare(abi.encodeCall(IDeliveryEscrow.orderOf, (order)), "the order");
        _compare(abi.encodeCall(IDeliveryEscrow.payeeOf, (order)), "the payee");
        vm.assertEq(_versions[order], escrow.orderOf(order).version, "the version is a count of logs");
        uint256 count = model.milestoneCount(order);
        for (uint16 i = 0; i < count; ++i) {
            _compare(abi.encodeCall(IDeliveryEscrow.milestoneOf, (order, i)), "the milestone");
            bytes32[] memory deliveries = model.itemsIn(order, i);
            for (uint256 j = 0; j < deliveries.length; ++j) {
                _compare(abi.encodeCall(IDeliveryEscrow.itemOf, (order, i, deliveries[j])), "the item");
            }
        }
        IERC20 token = escrow.orderOf(order).token;
        for (uint256 i = 0; i < creditors.length; ++i) {
            _compare(abi.encodeCall(IDeliveryEscrow.creditOf, (token, creditors[i])), "the credit");
        }
    }

    function _compare(bytes memory question, string memory what) private view {
        (, bytes memory actual) = address(escrow).staticcall(question);
        (, bytes memory expected) = address(model).staticcall(question);
        if (keccak256(actual) != keccak256(expected)) vm.assertEq(actual, expected, what);
    }

    function _words(bytes memory reason) private pure returns (string memory) {
        if (reason.length < 4) return "nothing was said";
        bytes memory rest = new bytes(reason.length - 4);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = reason[i + 4];
        }
        return bytes4(reason) == bytes4(0x08c379a0) ? abi.decode(rest, (string)) : "the model broke";
    }

    function mayBeCredited(address account) internal {
        for (uint256 i = 0; i < creditors.length; ++i) {
            if (creditors[i] == account) return;
        }
        creditors.push(account);
    }

    // ------------------------------------------------------------------------------------------ the logs' own book

    function _read(Stagecraft.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(receivable)) _readMoved(logs[i]);
            if (logs[i].emitter != address(escrow)) continue;
            bytes32 kind = logs[i].topics[0];
            if (_isChange(kind)) ++_versions[logs[i].topics[1]];
            if (kind == IDeliveryEscrow.OrderFunded.selector) _readFunded(logs[i]);
            else if (kind == IDeliveryEscrow.DeliveryAgreed.selector) _readAgreed(logs[i]);
            else if (kind == IDeliveryEscrow.ItemPaid.selector) _readPaid(logs[i]);
            else if (kind == IDeliveryEscrow.Credited.selector) _readCredited(logs[i]);
        }
        vm.assertEq(_untold, 0, "what left an item is credited, to the last unit");
    }

    /// @dev docs/escrow.md, section 12: what raises an order's version by one.
    function _isChange(bytes32 kind) private pure returns (bool) {
        return kind == IDeliveryEscrow.OrderProposed.selector || kind == IDeliveryEscrow.OrderAccepted.selector
            || kind == IDeliveryEscrow.OrderCancelled.selector || kind == IDeliveryEscrow.OrderFunded.selector
            || kind == IDeliveryEscrow.Attested.selector || kind == IDeliveryEscrow.AttestationTakenBack.selector
            || kind == IDeliveryEscrow.Disputed.selector || kind == IDeliveryEscrow.ItemPaid.selector;
    }

    /// @dev Approvals change nothing, nor does the burning.
    function _readMoved(Stagecraft.Log memory log) private {
        if (log.topics[0] == IERC721.Transfer.selector && log.topics[2] != 0) ++_versions[log.topics[3]];
    }

    function _readFunded(Stagecraft.Log memory log) private {
        bytes32 order = log.topics[1];
        _paidIn[order] = abi.decode(log.data, (uint256));
        uint256 sum = 0;
        uint256 count = model.milestoneCount(order);
        for (uint16 i = 0; i < count; ++i) {
            (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(order, i);
            _held[_item(order, i, 0)].amount = terms.amount;
            sum += terms.amount;
        }
        vm.assertEq(_paidIn[order], sum, "funded is the sum of the milestones");
    }

    function _readAgreed(Stagecraft.Log memory log) private {
        (uint16 milestone,, uint128 gross,,) = abi.decode(log.data, (uint16, uint128, uint128, uint16, uint64));
        Held storage item = _held[_item(log.topics[1], milestone, log.topics[2])];
        vm.assertTrue(item.amount == 0 && !item.isOver, "a delivery is agreed once");
        _held[_item(log.topics[1], milestone, 0)].amount -= gross;
        item.amount = gross;
        if (gross == 0) item.isOver = true;
    }

    function _readPaid(Stagecraft.Log memory log) private {
        (
            uint16 milestone,
            IDeliveryEscrow.Cause cause,,
            uint128 toPayee,
            uint128 toSplits,
            uint128 toBuyer,
            uint128 held
        ) = abi.decode(log.data, (uint16, IDeliveryEscrow.Cause, address, uint128, uint128, uint128, uint128));
        vm.assertEq(_untold, 0, "what left an item is credited, to the last unit");
        Held storage item = _held[_item(log.topics[1], milestone, log.topics[2])];
        vm.assertTrue(!item.isOver, "an ended item never pays again");
        _untold = uint256(toPayee) + toSplits + toBuyer;
        vm.assertTrue(_untold > 0, "a payment pays something");
        vm.assertEq(item.amount - _untold, held, "payee, splits and buyer get what left the item");
        if (cause != IDeliveryEscrow.Cause.Divided) vm.assertEq(held, 0, "it leaves nothing behind");
        item.amount = held;
        if (held == 0) item.isOver = true;
    }

    function _readCredited(Stagecraft.Log memory log) private {
        (, uint128 amount) = abi.decode(log.data, (address, uint128));
        vm.assertTrue(amount <= _untold, "no more is credited than left the item");
        _untold -= amount;
        _credited[log.topics[1]] += amount;
        vm.assertTrue(_credited[log.topics[1]] <= _paidIn[log.topics[1]], "an order pays what was paid in, no more");
    }

    function _item(bytes32 order, uint16 milestone, bytes32 delivery) private pure returns (bytes32) {
        return keccak256(abi.encode(order, milestone, delivery));
    }
}
