// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Orders} from "./Orders.sol";
import {IDeliveryEscrow} from "./interfaces/IDeliveryEscrow.sol";

/// @title Items
/// @notice The part of DeliveryEscrow where money stands, and how it leaves: whatever happens to an item ends in `_pay`.
abstract contract Items is Orders, EIP712 {
    // ---------------------------------------------------------------------------------------------------- storage

    bytes32 private constant DIVISION_TYPEHASH = keccak256(
        "Division(bytes32 order,uint16 milestone,bytes32 delivery,uint64 itemVersion,uint128 toPayee,uint128 toBuyer,uint64 deadline)"
    );

    // ---------------------------------------------------------------------------------------------- how items end

    /// @inheritdoc IDeliveryEscrow
    function settle(bytes32 order, uint16 milestone, bytes32 delivery) external nonReentrant {
        Item memory item = _openItem(order, milestone, delivery);
        if (block.timestamp < item.settleableFrom) revert NotSettleable(item.settleableFrom);

        _share(order, milestone, delivery, Cause.Settled, item.held, BPS - item.reduction);
    }

    /// @inheritdoc IDeliveryEscrow
    function release(bytes32 order, uint16 milestone, bytes32 delivery) external nonReentrant {
        Item memory item = _openItem(order, milestone, delivery);
        _checkActsFor(_orders[order].buyer);

        _share(order, milestone, delivery, Cause.Released, item.held, BPS);
    }

    /// @inheritdoc IDeliveryEscrow
    function giveBack(bytes32 order, uint16 milestone, bytes32 delivery) external nonReentrant {
        Item memory item = _openItem(order, milestone, delivery);
        _checkActsFor(payeeOf(order));

        _share(order, milestone, delivery, Cause.GivenBack, item.held, 0);
    }

    /// @inheritdoc IDeliveryEscrow
    function divide(Division calldata division, bytes calldata signature) external nonReentrant {
        Item memory item = _openItem(division.order, division.milestone, division.delivery);
        if (block.timestamp > division.deadline) revert DeadlinePassed(division.deadline);
        if (division.itemVersion != item.version) revert ItemChanged(division.itemVersion, item.version);
        uint256 sum = uint256(division.toPayee) + division.toBuyer;
        if (sum == 0 || sum > item.held) revert BadDivision(division.toPayee, division.toBuyer, item.held);
        _checkBothAgree(division, signature);

        _pay(division.order, division.milestone, division.delivery, Cause.Divided, division.toPayee, division.toBuyer);
    }

    /// @inheritdoc IDeliveryEscrow
    function dispute(bytes32 order, uint16 milestone, bytes32 delivery) external nonReentrant {
        Item memory item = _openItem(order, milestone, delivery);
        address by = _callerAmong(_orders[order].buyer, payeeOf(order));
        Part storage part = _part(order, milestone);
        Milestone memory terms = _termsOf(part);
        if (terms.arbitration == 0) revert NoArbiter(order, milestone);
        if (item.isDisputed) revert AlreadyDisputed(order, milestone, delivery);
        uint64 from = delivery == REST ? terms.due + terms.grace + 1 : 0;
        if (block.timestamp < from || block.timestamp >= item.disputableUntil) {
            revert NotDisputable(from, item.disputableUntil);
        }

        Holding storage holding = part.items[delivery];
        holding.isDisputed = true;
        ++holding.version;
        _change(_orders[order]);
        emit Disputed(order, milestone, delivery, by);
    }

    /// @inheritdoc IDeliveryEscrow
    function rule(bytes32 order, uint16 milestone, bytes32 delivery, uint16 payeeBps) external nonReentrant {
        Item memory item = _openItem(order, milestone, delivery);
        _checkActsFor(_orders[order].arbiter);
        address payee = payeeOf(order);
        // `receivableMoved` has refused its name and its controller of then: this one may have come later.
        if (payee == msg.sender) revert ArbiterIsPayee(payee);
        if (payeeBps > BPS) revert BadBps(payeeBps);
        if (!item.isDisputed) revert NotDisputed(order, milestone, delivery);
        if (block.timestamp < item.disputableUntil || block.timestamp >= item.settleableFrom) {
            revert NotInArbitration(item.disputableUntil, item.settleableFrom);
        }

        _share(order, milestone, delivery, Cause.Ruled, item.held, payeeBps);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IDeliveryEscrow
    function itemOf(bytes32 order, uint16 milestone, bytes32 delivery) public view returns (Item memory item) {
        Entry storage entry = _orders[order];
        if (milestone >= entry.milestoneCount) return item;
        Part storage part = entry.parts[milestone];
        Holding memory holding = part.items[delivery];
        if (holding.version == 0) return item;
        item.held = holding.held;
        item.reduction = holding.reduction;
        item.disputableUntil = holding.disputableUntil;
        item.settleableFrom = holding.disputableUntil;
        item.version = holding.version;
        item.isDisputed = holding.isDisputed;
        item.isEnded = item.held == 0 && (delivery != REST || holding.isEnded || entry.state == State.Ended);
        item.exists = true;
        if (item.isDisputed) item.settleableFrom += part.terms.arbitration;
    }

    /// @inheritdoc IDeliveryEscrow
    function divisionDigest(Division calldata division) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(DIVISION_TYPEHASH, division)));
    }

    /// @dev An item that holds something; nothing can be done with any other.
    function _openItem(bytes32 order, uint16 milestone, bytes32 delivery) private view returns (Item memory item) {
        item = itemOf(order, milestone, delivery);
        if (!item.exists) revert UnknownItem(order, milestone, delivery);
        if (item.held == 0) revert NothingHeld(order, milestone, delivery);
    }

    function _checkBothAgree(Division calldata division, bytes calldata signature) private view {
        address buyer = _accountOf(_orders[division.order].buyer);
        address payee = _accountOf(payeeOf(division.order));
        if (msg.sender != buyer && msg.sender != payee) revert NeitherOf(buyer, payee, msg.sender);
        address other = msg.sender == buyer ? payee : buyer;
        bytes32 digest = divisionDigest(division);
        if (signature.length == 0 && registry.hasApproved(other, digest)) return;
        // tryRecover gives zero wherever it gives an error.
        // slither-disable-next-line unused-return
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (signer != other) revert NotSigned(other, digest);
    }

    // ----------------------------------------------------------------------------------------------- money leaves

    /// @dev All that the item holds: ⌊held × payeeBps / 10,000⌋ to the payee, the remainder to the buyer.
    function _share(bytes32 order, uint16 milestone, bytes32 delivery, Cause cause, uint128 held, uint16 payeeBps)
        private
    {
        uint128 toPayee = uint128(uint256(held) * payeeBps / BPS);
        _pay(order, milestone, delivery, cause, toPayee, held - toPayee);
    }

    function _pay(bytes32 order, uint16 milestone, bytes32 delivery, Cause cause, uint128 toPayee, uint128 toBuyer)
        private
    {
        Entry storage entry = _orders[order];
        Holding storage holding = entry.parts[milestone].items[delivery];
        uint128 held = holding.held - toPayee - toBuyer;
        holding.held = held;
        if (delivery == REST && cause != Cause.Divided) holding.isEnded = true;
        ++holding.version;
        _change(entry);
        if (held == 0) --entry.openItems;

        address payee = payeeOf(order);
        uint128[] memory shares = _splitShares(entry, toPayee);
        uint128 toSplits = 0;
        for (uint256 i = 0; i < shares.length; ++i) {
            toSplits += shares[i];
        }
        emit ItemPaid(order, milestone, delivery, cause, payee, toPayee - toSplits, toSplits, toBuyer, held);

        _credit(order, entry.token, payee, toPayee - toSplits);
        for (uint256 i = 0; i < shares.length; ++i) {
            _credit(order, entry.token, entry.splits[i].party, shares[i]);
        }
        if (toBuyer != 0) _credit(order, entry.token, entry.buyer, toBuyer);
        if (entry.openItems == 0) _end(order, entry);
    }

    function _splitShares(Entry storage entry, uint128 toPayee) private view returns (uint128[] memory shares) {
        uint256 count = entry.splitCount;
        shares = new uint128[](count);
        for (uint256 i = 0; i < count; ++i) {
            shares[i] = uint128(uint256(toPayee) * entry.splits[i].bps / BPS);
        }
    }

    function _end(bytes32 order, Entry storage entry) private {
        entry.state = State.Ended;
        emit OrderEnded(order);
        if (entry.isMinted) receivable.burn(order);
    }
}
