// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "../../../../contracts/interfaces/IPartyRegistry.sol";

/// @title docs/escrow.md, section 1: which terms are taken
abstract contract ModelTerms {
    IPartyRegistry private immutable _known;

    constructor(IPartyRegistry registry) {
        _known = registry;
    }

    function checkTerms(IDeliveryEscrow.Terms memory terms) public view {
        require(_isPresent(terms.buyer) && _isPresent(terms.seller), "unknown buyer or seller");
        require(terms.buyer != terms.seller, "buyer and seller are one");
        require(address(terms.token).code.length > 0, "no token");
        require(terms.fundBy > block.timestamp, "fundBy has passed");
        require(terms.fundBy <= block.timestamp + 365 days, "fundBy is too far ahead");
        _checkSplits(terms);
        _checkAttestors(terms);
        require(terms.milestones.length >= 1 && terms.milestones.length <= 16, "not 1 to 16 milestones");
        for (uint256 i = 0; i < terms.milestones.length; ++i) {
            _checkMilestone(terms, terms.milestones[i]);
        }
        _checkArbiter(terms);
    }

    function _checkSplits(IDeliveryEscrow.Terms memory terms) private view {
        require(terms.splits.length <= 8, "more than 8 splits");
        uint256 sum = 0;
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            require(_isPresent(terms.splits[i].party), "unknown receiver of a split");
            require(terms.splits[i].bps >= 1, "a split of nothing");
            sum += terms.splits[i].bps;
        }
        require(sum <= 10_000, "splits of more than all");
    }

    function _checkAttestors(IDeliveryEscrow.Terms memory terms) private view {
        require(terms.attestors.length <= 8, "more than 8 attestors");
        for (uint256 i = 0; i < terms.attestors.length; ++i) {
            require(_isPresent(terms.attestors[i]), "unknown attestor");
            for (uint256 j = 0; j < i; ++j) {
                require(terms.attestors[i] != terms.attestors[j], "an attestor twice");
            }
        }
    }

    function _checkMilestone(IDeliveryEscrow.Terms memory terms, IDeliveryEscrow.Milestone memory milestone)
        private
        view
    {
        require(milestone.amount >= 1, "a milestone for nothing");
        require(milestone.ordered >= 1, "nothing ordered");
        uint256 count = 0;
        for (uint256 i = 0; i < 8; ++i) {
            if (milestone.attestorMask >> i & 1 == 0) continue;
            require(i < terms.attestors.length, "an attestor that the order has not");
            ++count;
        }
        require(count >= 1, "no attestor");
        require(milestone.threshold <= count, "more than all attestors");
        require(2 * uint256(milestone.threshold) > count, "no majority");
        require(milestone.due > block.timestamp, "due has passed");
        require(milestone.due <= uint256(terms.fundBy) + 5 * 365 days, "due is too far ahead");
        require(milestone.grace <= 365 days, "grace is too long");
        require(milestone.window <= 365 days, "the window is too long");
        require(milestone.arbitration <= 365 days, "arbitration is too long");
        require(milestone.lateBps <= 10_000, "more than all a day");
        require(milestone.lateCapBps <= 10_000, "lateness takes more than all");
        require(milestone.deductionCapBps <= 10_000, "deductions take more than all");
    }

    function _checkArbiter(IDeliveryEscrow.Terms memory terms) private view {
        bool isNeeded = false;
        for (uint256 i = 0; i < terms.milestones.length; ++i) {
            if (terms.milestones[i].arbitration > 0) isNeeded = true;
        }
        if (!isNeeded) {
            require(terms.arbiter == address(0), "an arbiter without time");
            return;
        }
        require(_isPresent(terms.arbiter), "unknown arbiter");
        require(terms.arbiter != terms.buyer && terms.arbiter != terms.seller, "the arbiter is a side");
        for (uint256 i = 0; i < terms.attestors.length; ++i) {
            require(terms.arbiter != terms.attestors[i], "the arbiter attests");
        }
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            require(terms.arbiter != terms.splits[i].party, "the arbiter gets a split");
        }
    }

    function _isPresent(address name) private view returns (bool) {
        IPartyRegistry.Status status = _known.statusOf(name);
        return status == IPartyRegistry.Status.Active || status == IPartyRegistry.Status.Suspended;
    }
}
