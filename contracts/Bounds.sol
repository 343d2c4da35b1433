// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "./interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title Bounds
/// @notice Which terms an order may have. DeliveryEscrow makes one for itself and asks it of every proposal: what an
/// order can't be stands on one page, and outside the 24,576 bytes that the escrow may have (EIP-170).
contract Bounds {
    uint256 public constant SPLITS_MAX = 8;
    uint256 public constant ATTESTORS_MAX = 8;
    uint256 public constant MILESTONES_MAX = 16;
    uint256 public constant DURATION_MAX = 365 days;
    uint256 public constant DUE_AFTER_FUND_BY_MAX = 5 * 365 days;
    uint256 public constant BPS = 10_000;

    IPartyRegistry public immutable registry;

    constructor(IPartyRegistry registry_) {
        registry = registry_;
    }

    /// @notice Reverts with the first term that no order may have, at this block's time: IDeliveryEscrow.BadTerms,
    /// NotActive for the buyer, NotAContract for the token.
    function check(IDeliveryEscrow.Terms calldata terms) external view {
        IPartyRegistry.Status status = registry.statusOf(terms.buyer);
        if (status != IPartyRegistry.Status.Active) revert IDeliveryEscrow.NotActive(terms.buyer, status);
        if (address(terms.token).code.length == 0) revert IDeliveryEscrow.NotAContract(address(terms.token));
        _expect(terms.seller != terms.buyer && _isPresent(terms.seller), "seller", 0);
        _expect(terms.fundBy > block.timestamp && terms.fundBy <= block.timestamp + DURATION_MAX, "fundBy", 0);
        _checkSplits(terms.splits);
        _checkAttestors(terms.attestors);
        _checkMilestones(terms);
        _checkArbiter(terms);
    }

    function _checkSplits(IDeliveryEscrow.Split[] calldata splits) private view {
        uint256 count = splits.length;
        _expect(count <= SPLITS_MAX, "splits", count);
        uint256 sum = 0;
        for (uint256 i = 0; i < count; ++i) {
            _expect(_isPresent(splits[i].party), "splits.party", i);
            sum += splits[i].bps;
            _expect(splits[i].bps > 0 && sum <= BPS, "splits.bps", i);
        }
    }

    function _checkAttestors(address[] calldata attestors) private view {
        uint256 count = attestors.length;
        _expect(count <= ATTESTORS_MAX, "attestors", count);
        for (uint256 i = 0; i < count; ++i) {
            _expect(_isPresent(attestors[i]) && !_isAmong(attestors[i], attestors[:i]), "attestors", i);
        }
    }

    function _checkMilestones(IDeliveryEscrow.Terms calldata terms) private view {
        uint256 count = terms.milestones.length;
        _expect(count > 0 && count <= MILESTONES_MAX, "milestones", count);
        uint256 dueMax = terms.fundBy + DUE_AFTER_FUND_BY_MAX;
        for (uint256 i = 0; i < count; ++i) {
            IDeliveryEscrow.Milestone calldata milestone = terms.milestones[i];
            _expect(milestone.amount > 0, "milestones.amount", i);
            _expect(milestone.ordered > 0, "milestones.ordered", i);
            _expect(milestone.due > block.timestamp && milestone.due <= dueMax, "milestones.due", i);
            _expect(milestone.grace <= DURATION_MAX, "milestones.grace", i);
            _expect(milestone.window <= DURATION_MAX, "milestones.window", i);
            _expect(milestone.arbitration <= DURATION_MAX, "milestones.arbitration", i);
            _expect(milestone.lateBps <= BPS, "milestones.lateBps", i);
            _expect(milestone.lateCapBps <= BPS, "milestones.lateCapBps", i);
            _expect(milestone.deductionCapBps <= BPS, "milestones.deductionCapBps", i);
            _expect(milestone.attestorMask >> terms.attestors.length == 0, "milestones.attestorMask", i);
            _checkThreshold(milestone, i);
        }
    }

    /// @dev More than half, so that no two different statements on a delivery can both be agreed.
    function _checkThreshold(IDeliveryEscrow.Milestone calldata milestone, uint256 i) private pure {
        uint256 attestors = 0;
        for (uint256 mask = milestone.attestorMask; mask != 0; mask >>= 1) {
            attestors += mask & 1;
        }
        uint256 threshold = milestone.threshold;
        _expect(threshold <= attestors && 2 * threshold > attestors, "milestones.threshold", i);
    }

    /// @dev Named if and only if it has time in some milestone, and nobody who gains or states anything.
    function _checkArbiter(IDeliveryEscrow.Terms calldata terms) private view {
        bool isNeeded = false;
        for (uint256 i = 0; i < terms.milestones.length; ++i) {
            if (terms.milestones[i].arbitration > 0) isNeeded = true;
        }
        address arbiter = terms.arbiter;
        _expect(isNeeded == (arbiter != address(0)), "arbiter", 0);
        if (!isNeeded) return;
        _expect(_isPresent(arbiter), "arbiter", 0);
        _expect(arbiter != terms.buyer && arbiter != terms.seller, "arbiter", 0);
        _expect(!_isAmong(arbiter, terms.attestors), "arbiter", 0);
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            _expect(arbiter != terms.splits[i].party, "arbiter", 0);
        }
    }

    /// @dev A party that was removed or has left will never attest again, and is nobody's new partner.
    function _isPresent(address party) private view returns (bool) {
        // At most eighteen calls, to a contract of ours.
        // slither-disable-next-line calls-loop
        IPartyRegistry.Status status = registry.statusOf(party);
        return status == IPartyRegistry.Status.Active || status == IPartyRegistry.Status.Suspended;
    }

    function _isAmong(address party, address[] calldata parties) private pure returns (bool) {
        for (uint256 i = 0; i < parties.length; ++i) {
            if (parties[i] == party) return true;
        }
        return false;
    }

    function _expect(bool isGood, string memory term, uint256 index) private pure {
        if (!isGood) revert IDeliveryEscrow.BadTerms(term, index);
    }
}
