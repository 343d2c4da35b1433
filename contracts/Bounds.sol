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
        _checkParties(terms);
        _checkSplits(terms.splits);
        _checkMilestones(terms);
    }

    function _checkParties(IDeliveryEscrow.Terms calldata terms) private view {
        IPartyRegistry.Status status = registry.statusOf(terms.buyer);
        if (status != IPartyRegistry.Status.Active) revert IDeliveryEscrow.NotActive(terms.buyer, status);
        if (terms.seller == terms.buyer || !_isPresent(terms.seller)) revert IDeliveryEscrow.BadTerms("seller", 0);
        if (address(terms.token).code.length == 0) revert IDeliveryEscrow.NotAContract(address(terms.token));
        if (terms.fundBy <= block.timestamp || terms.fundBy > block.timestamp + DURATION_MAX) {
            revert IDeliveryEscrow.BadTerms("fundBy", 0);
        }
        uint256 count = terms.attestors.length;
        if (count > ATTESTORS_MAX) revert IDeliveryEscrow.BadTerms("attestors", count);
        for (uint256 i = 0; i < count; ++i) {
            if (!_isPresent(terms.attestors[i])) revert IDeliveryEscrow.BadTerms("attestors", i);
            for (uint256 j = 0; j < i; ++j) {
                if (terms.attestors[j] == terms.attestors[i]) revert IDeliveryEscrow.BadTerms("attestors", i);
            }
        }
    }

    function _checkSplits(IDeliveryEscrow.Split[] calldata splits) private view {
        if (splits.length > SPLITS_MAX) revert IDeliveryEscrow.BadTerms("splits", splits.length);
        uint256 sum = 0;
        for (uint256 i = 0; i < splits.length; ++i) {
            if (!_isPresent(splits[i].party)) revert IDeliveryEscrow.BadTerms("splits.party", i);
            sum += splits[i].bps;
            if (splits[i].bps == 0 || sum > BPS) revert IDeliveryEscrow.BadTerms("splits.bps", i);
        }
    }

    function _checkMilestones(IDeliveryEscrow.Terms calldata terms) private view {
        uint256 count = terms.milestones.length;
        if (count == 0 || count > MILESTONES_MAX) revert IDeliveryEscrow.BadTerms("milestones", count);
        bool isArbitrated = false;
        for (uint256 i = 0; i < count; ++i) {
            IDeliveryEscrow.Milestone calldata milestone = terms.milestones[i];
            _checkMilestone(milestone, i, terms.attestors.length);
            if (milestone.due <= block.timestamp || milestone.due > terms.fundBy + DUE_AFTER_FUND_BY_MAX) {
                revert IDeliveryEscrow.BadTerms("milestones.due", i);
            }
            if (milestone.arbitration > 0) isArbitrated = true;
        }
        if (isArbitrated != _isArbiter(terms)) revert IDeliveryEscrow.BadTerms("arbiter", 0);
    }

    function _checkMilestone(IDeliveryEscrow.Milestone calldata milestone, uint256 i, uint256 attestorCount)
        private
        pure
    {
        if (milestone.amount == 0) revert IDeliveryEscrow.BadTerms("milestones.amount", i);
        if (milestone.ordered == 0) revert IDeliveryEscrow.BadTerms("milestones.ordered", i);
        if (milestone.attestorMask >> attestorCount != 0) {
            revert IDeliveryEscrow.BadTerms("milestones.attestorMask", i);
        }
        uint256 attestors = 0;
        for (uint256 mask = milestone.attestorMask; mask != 0; mask >>= 1) {
            attestors += mask & 1;
        }
        if (milestone.threshold > attestors || 2 * uint256(milestone.threshold) <= attestors) {
            revert IDeliveryEscrow.BadTerms("milestones.threshold", i);
        }
        if (milestone.grace > DURATION_MAX) revert IDeliveryEscrow.BadTerms("milestones.grace", i);
        if (milestone.window > DURATION_MAX) revert IDeliveryEscrow.BadTerms("milestones.window", i);
        if (milestone.arbitration > DURATION_MAX) revert IDeliveryEscrow.BadTerms("milestones.arbitration", i);
        if (milestone.lateBps > BPS) revert IDeliveryEscrow.BadTerms("milestones.lateBps", i);
        if (milestone.lateCapBps > BPS) revert IDeliveryEscrow.BadTerms("milestones.lateCapBps", i);
        if (milestone.deductionCapBps > BPS) revert IDeliveryEscrow.BadTerms("milestones.deductionCapBps", i);
    }

    /// @dev Whether the terms name an arbiter; a bad one is refused.
    function _isArbiter(IDeliveryEscrow.Terms calldata terms) private view returns (bool) {
        address arbiter = terms.arbiter;
        if (arbiter == address(0)) return false;
        bool isBad = arbiter == terms.buyer || arbiter == terms.seller || !_isPresent(arbiter);
        for (uint256 i = 0; i < terms.attestors.length; ++i) {
            if (terms.attestors[i] == arbiter) isBad = true;
        }
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            if (terms.splits[i].party == arbiter) isBad = true;
        }
        if (isBad) revert IDeliveryEscrow.BadTerms("arbiter", 0);
        return true;
    }

    /// @dev A party that was removed or has left is for ever unable to attest, and nobody's new partner.
    function _isPresent(address party) private view returns (bool) {
        IPartyRegistry.Status status = registry.statusOf(party);
        return status == IPartyRegistry.Status.Active || status == IPartyRegistry.Status.Suspended;
    }
}
