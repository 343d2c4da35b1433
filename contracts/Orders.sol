// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Bounds} from "./Bounds.sol";
import {Credits} from "./Credits.sol";
import {Receivable} from "./Receivable.sol";
import {IDeliveryEscrow} from "./interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";
import {IReceivable} from "./interfaces/IReceivable.sol";

/// @title Orders
/// @notice The part of DeliveryEscrow that knows the terms, and an order's life until it is funded.
abstract contract Orders is Credits {
    using SafeERC20 for IERC20;

    // ---------------------------------------------------------------------------------------------------- storage

    uint256 private constant SPLITS_MAX = 8;
    uint256 private constant ATTESTORS_MAX = 8;
    uint256 private constant MILESTONES_MAX = 16;

    uint16 internal constant BPS = 10_000;
    uint64 internal constant WINDOW_MIN = 1 days;
    bytes32 internal constant REST = 0;

    /// @dev The first slot has all that changes. Of splits, attestors and parts there are as many as the terms say.
    struct Entry {
        uint64 version;
        uint64 acceptedAt;
        uint64 fundBy;
        uint32 openItems;
        State state;
        bool isMinted;
        uint8 splitCount;
        uint8 milestoneCount;
        address seller;
        IERC20 token;
        address buyer;
        address arbiter;
        bytes32 document;
        address[ATTESTORS_MAX] attestors;
        Split[SPLITS_MAX] splits;
        Part[MILESTONES_MAX] parts;
    }

    /// @dev A milestone. Its second slot after the terms is never zero again once the order is funded.
    /// @param accepted what was agreed so far
    /// @param untaken what deliveries have not taken of the amount
    /// @param items by delivery; REST for what is left of the amount
    struct Part {
        Milestone terms;
        uint128 accepted;
        uint128 untaken;
        mapping(bytes32 delivery => Holding) items;
        mapping(bytes32 delivery => mapping(uint256 attestor => Statement)) statements;
    }

    /// @dev An item, in one slot. A delivery that is not agreed has version 0, and perhaps attestations.
    /// @param attestedBy mask of the attestors that have an attestation on the delivery, until it is agreed
    /// @param isEnded that the rest was ended as a whole; any other item has ended when it holds nothing
    struct Holding {
        uint128 held;
        uint40 disputableUntil;
        uint32 version;
        uint16 reduction;
        uint8 attestedBy;
        bool isDisputed;
        bool isEnded;
    }

    /// @dev An attestation on a delivery that is not agreed.
    struct Statement {
        uint128 accepted;
        uint64 happenedAt;
        uint16 deductionBps;
        bytes32 recordHash;
    }

    /// @inheritdoc IDeliveryEscrow
    IReceivable public immutable receivable;
    Bounds private immutable _bounds;

    mapping(bytes32 order => Entry) internal _orders;

    constructor(IPartyRegistry registry_) Credits(registry_) {
        receivable = new Receivable();
        _bounds = new Bounds(registry_);
    }

    // ---------------------------------------------------------------------------------- an order until it is funded

    /// @inheritdoc IDeliveryEscrow
    function propose(Terms calldata terms, uint256 nonce) external nonReentrant returns (bytes32 order) {
        _checkActsFor(terms.buyer);
        order = orderId(terms, nonce);
        Entry storage entry = _orders[order];
        if (entry.state != State.None) revert OrderExists(order);
        _bounds.check(terms);

        _store(entry, terms);
        emit OrderProposed(order, terms.buyer, terms.seller, nonce, terms);
    }

    /// @inheritdoc IDeliveryEscrow
    function accept(bytes32 order) external nonReentrant {
        Entry storage entry = _orders[order];
        _checkState(order, State.Proposed);
        _checkActsFor(entry.seller);
        if (block.timestamp > entry.fundBy) revert FundByPassed(order, entry.fundBy);

        entry.state = State.Accepted;
        entry.acceptedAt = uint64(block.timestamp);
        _change(entry);
        emit OrderAccepted(order);
    }

    /// @inheritdoc IDeliveryEscrow
    function cancel(bytes32 order) external nonReentrant {
        Entry storage entry = _orders[order];
        if (entry.state != State.Proposed && entry.state != State.Accepted) revert WrongState(order, entry.state);
        address party = _callerAmong(entry.buyer, entry.seller);

        entry.state = State.Cancelled;
        _change(entry);
        emit OrderCancelled(order, party);
    }

    /// @inheritdoc IDeliveryEscrow
    function fund(bytes32 order) external nonReentrant {
        _fund(order);
    }

    /// @inheritdoc IDeliveryEscrow
    function fundWithPermit(bytes32 order, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external nonReentrant {
        Entry storage entry = _orders[order];
        _checkState(order, State.Accepted);
        // Whoever saw the permit may have submitted it: what counts is the allowance. A token that calls back finds the
        // lock closed, and `_fund` looks at everything anew.
        // slither-disable-next-line reentrancy-no-eth
        try IERC20Permit(address(entry.token)).permit(msg.sender, address(this), _total(entry), deadline, v, r, s) {}
            catch {}
        _fund(order);
    }

    function _fund(bytes32 order) private {
        Entry storage entry = _orders[order];
        _checkState(order, State.Accepted);
        _checkActsFor(entry.buyer);
        if (block.timestamp > entry.fundBy) revert FundByPassed(order, entry.fundBy);
        uint256 count = entry.milestoneCount;
        for (uint16 i = 0; i < count; ++i) {
            Part storage part = entry.parts[i];
            if (block.timestamp >= part.terms.due) revert DuePassed(order, i, part.terms.due);
            _openRest(part);
        }

        uint256 total = _total(entry);
        entry.state = State.Funded;
        entry.openItems = uint32(count);
        _change(entry);
        emit OrderFunded(order, msg.sender, total);

        _takeIn(entry.token, total);
    }

    function _openRest(Part storage part) private {
        Milestone memory terms = _termsOf(part);
        Holding storage rest = part.items[REST];
        uint64 window = terms.window > WINDOW_MIN ? terms.window : WINDOW_MIN;
        rest.held = terms.amount;
        rest.disputableUntil = uint40(terms.due + terms.grace + window);
        rest.version = 1;
        rest.reduction = BPS;
        part.untaken = terms.amount;
    }

    /// @dev A token that takes a fee, or says that it paid and did not, is found out here, before it can owe anybody.
    function _takeIn(IERC20 token, uint256 amount) private {
        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 balanceAfter = token.balanceOf(address(this));
        if (balanceAfter < balanceBefore || balanceAfter - balanceBefore != amount) {
            revert WrongAmountReceived(token, amount, balanceBefore, balanceAfter);
        }
    }

    // ------------------------------------------------------------------------------------------------- receivable

    /// @inheritdoc IDeliveryEscrow
    function receivableMoved(bytes32 order, address holder) external nonReentrant {
        if (msg.sender != address(receivable)) revert NotReceivable(msg.sender);
        Entry storage entry = _orders[order];
        _checkState(order, State.Funded);
        address arbiter = entry.arbiter;
        if (holder == address(this) || holder == arbiter || holder == _accountOf(arbiter)) {
            revert HolderRefused(holder);
        }

        entry.isMinted = true;
        _change(entry);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IDeliveryEscrow
    function orderId(Terms calldata terms, uint256 nonce) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), terms.buyer, nonce, terms));
    }

    /// @inheritdoc IDeliveryEscrow
    function orderOf(bytes32 order) external view returns (Order memory) {
        Entry storage entry = _orders[order];
        return Order({
            state: entry.state,
            buyer: entry.buyer,
            seller: entry.seller,
            token: entry.token,
            document: entry.document,
            arbiter: entry.arbiter,
            fundBy: entry.fundBy,
            acceptedAt: entry.acceptedAt,
            version: entry.version,
            openItems: entry.openItems
        });
    }

    /// @inheritdoc IDeliveryEscrow
    function milestoneOf(bytes32 order, uint16 milestone)
        external
        view
        returns (Milestone memory terms, uint128 taken, uint128 accepted)
    {
        if (milestone >= _orders[order].milestoneCount) return (terms, 0, 0);
        Part storage part = _orders[order].parts[milestone];
        terms = _termsOf(part);
        if (part.items[REST].version != 0) taken = terms.amount - part.untaken;
        accepted = part.accepted;
    }

    /// @inheritdoc IDeliveryEscrow
    function payeeOf(bytes32 order) public view returns (address) {
        Entry storage entry = _orders[order];
        // The flag saves a call where nothing was minted. What is burned is ended: the seller's name stands again.
        address holder = entry.isMinted ? receivable.holderOf(order) : address(0);
        return holder == address(0) ? entry.seller : holder;
    }

    function _total(Entry storage entry) private view returns (uint256 total) {
        uint256 count = entry.milestoneCount;
        for (uint256 i = 0; i < count; ++i) {
            total += entry.parts[i].terms.amount;
        }
    }

    function _part(bytes32 order, uint16 milestone) internal view returns (Part storage) {
        Entry storage entry = _orders[order];
        if (milestone >= entry.milestoneCount) revert UnknownMilestone(order, milestone);
        return entry.parts[milestone];
    }

    function _termsOf(Part storage part) internal view returns (Milestone memory) {
        return part.terms;
    }

    function _change(Entry storage entry) internal {
        ++entry.version;
    }

    function _store(Entry storage entry, Terms calldata terms) private {
        entry.version = 1;
        entry.fundBy = terms.fundBy;
        entry.state = State.Proposed;
        entry.splitCount = uint8(terms.splits.length);
        entry.milestoneCount = uint8(terms.milestones.length);
        entry.seller = terms.seller;
        entry.token = terms.token;
        entry.buyer = terms.buyer;
        entry.arbiter = terms.arbiter;
        entry.document = terms.document;
        for (uint256 i = 0; i < terms.attestors.length; ++i) {
            entry.attestors[i] = terms.attestors[i];
        }
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            entry.splits[i] = terms.splits[i];
        }
        for (uint256 i = 0; i < terms.milestones.length; ++i) {
            entry.parts[i].terms = terms.milestones[i];
        }
    }

    // ----------------------------------------------------------------------------------------------------- checks

    function _checkState(bytes32 order, State expected) internal view {
        State state = _orders[order].state;
        if (state != expected) revert WrongState(order, state);
    }

    /// @dev The first of two that the caller acts for.
    function _callerAmong(address one, address other) internal view returns (address) {
        if (msg.sender == _accountOf(one)) return one;
        if (msg.sender == _accountOf(other)) return other;
        revert NeitherOf(one, other, msg.sender);
    }
}
