// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Model} from "../model/Model.sol";
import {Stage} from "./Stage.sol";

/// @dev Orders come to be: proposed, accepted, cancelled, funded.
abstract contract Trade is Stage {
    // So few that are not over, that much happens to each.
    uint256 private constant OPEN_MAX = 4;
    uint256 private constant LIVE_MAX = 6;
    uint256 private constant ORDERS_MAX = 24;
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    uint256 private _nonce;

    function propose(uint256 seed) public played(seed) {
        if (_live() < LIVE_MAX && model.orderCount() < ORDERS_MAX) _propose(roll(TOKENS));
    }

    function accept(uint256 seed) public played(seed) {
        bytes32 order = anOrder(IDeliveryEscrow.State.Proposed);
        if (isMissed(order, IDeliveryEscrow.State.Proposed)) return;
        address caller = oneIn(12) ? somebody() : controllerOf(escrow.orderOf(order).seller);
        play(
            "accept",
            caller,
            order,
            abi.encodeCall(IDeliveryEscrow.accept, (order)),
            abi.encodeCall(Model.accept, (caller, order))
        );
    }

    /// @dev Seldom: there is little to see after it.
    function cancel(uint256 seed) public played(seed) {
        if (!oneIn(4)) return;
        IDeliveryEscrow.State state = oneIn(2) ? IDeliveryEscrow.State.Proposed : IDeliveryEscrow.State.Accepted;
        bytes32 order = anOrder(state);
        if (isMissed(order, state)) return;
        IDeliveryEscrow.Order memory now_ = escrow.orderOf(order);
        address caller = controllerOf(oneIn(2) ? now_.buyer : now_.seller);
        if (oneIn(6)) caller = somebody();
        play(
            "cancel",
            caller,
            order,
            abi.encodeCall(IDeliveryEscrow.cancel, (order)),
            abi.encodeCall(Model.cancel, (caller, order))
        );
    }

    function fund(uint256 seed) public played(seed) {
        bytes32 order = anOrder(IDeliveryEscrow.State.Accepted);
        if (isMissed(order, IDeliveryEscrow.State.Accepted) || (_isTooLate(order) && !oneIn(8))) return;
        _fund(order);
    }

    /// @dev From proposal to funding in one go.
    function open(uint256 seed) public played(seed) {
        if (_live() < OPEN_MAX && model.orderCount() < ORDERS_MAX) _open(roll(TOKENS));
    }

    function _live() private view returns (uint256 live) {
        uint256 count = model.orderCount();
        for (uint256 i = 0; i < count; ++i) {
            IDeliveryEscrow.State state = escrow.orderOf(model.orders(i)).state;
            if (uint256(state) <= uint256(IDeliveryEscrow.State.Funded)) ++live;
        }
    }

    // ------------------------------------------------------------------------------------------------------ whose

    /// @dev One in this state, where there is one.
    function anOrder(IDeliveryEscrow.State state) internal returns (bytes32 order) {
        uint256 count = model.orderCount();
        uint256 first = roll(count);
        for (uint256 i = 0; i < count; ++i) {
            order = model.orders((first + i) % count);
            if (escrow.orderOf(order).state == state) return order;
        }
        return model.orders(first);
    }

    /// @dev There is none in that state, and it is not worth trying what will be refused. Now and then it is.
    function isMissed(bytes32 order, IDeliveryEscrow.State state) internal returns (bool) {
        return escrow.orderOf(order).state != state && !oneIn(8);
    }

    /// @dev Anybody at all, in or out of place.
    function somebody() internal returns (address) {
        uint256 party = roll(PARTIES);
        uint256 who = roll(5);
        if (who == 0) return scanners[party].account;
        if (who == 1) return desks[party].account;
        if (who == 2) return oneIn(2) ? bank.account : stranger.account;
        return controllerOf(names[party]);
    }

    // ------------------------------------------------------------------------------------------------------ steps

    function _open(uint256 token) internal returns (bytes32 order) {
        bool isDone;
        (order, isDone) = _propose(token);
        if (!isDone) return order;
        address seller = controllerOf(escrow.orderOf(order).seller);
        play(
            "accept",
            seller,
            order,
            abi.encodeCall(IDeliveryEscrow.accept, (order)),
            abi.encodeCall(Model.accept, (seller, order))
        );
        _fund(order);
    }

    function _propose(uint256 token) private returns (bytes32 order, bool isDone) {
        IDeliveryEscrow.Terms memory terms = _terms(token);
        if (oneIn(12)) _spoil(terms);
        address caller = oneIn(16) ? somebody() : controllerOf(terms.buyer);
        order = escrow.orderId(terms, ++_nonce);
        isDone = play(
            "propose",
            caller,
            0,
            abi.encodeCall(IDeliveryEscrow.propose, (terms, _nonce)),
            abi.encodeCall(Model.propose, (caller, terms, _nonce))
        );
        if (isDone) compare(order);
    }

    function _fund(bytes32 order) private {
        IDeliveryEscrow.Order memory now_ = escrow.orderOf(order);
        address caller = oneIn(12) ? somebody() : controllerOf(now_.buyer);
        uint256 amount = model.amountOf(order);
        if (address(now_.token) == address(rebasing)) rebasing.setPercent(100);
        if (address(now_.token) == address(liar) && !oneIn(6)) liar.setSulks(false);
        if (address(now_.token) == address(taxed) && !oneIn(6)) taxed.setFee(0);
        if (caller == controllerOf(now_.buyer)) give(now_.token, caller, amount);
        bool isAllowed = !oneIn(10);
        _approve(now_.token, caller, isAllowed ? amount : amount - 1);
        bytes memory call = abi.encodeCall(IDeliveryEscrow.fund, (order));
        if (oneIn(2)) {
            call = _withPermit(order, now_.token, caller, amount);
            if (address(now_.token) == address(honest)) isAllowed = true;
        }
        bool comes = isAllowed && !(address(now_.token) == address(liar) && liar.sulks())
            && !(address(now_.token) == address(taxed) && taxed.feeBps() > 0);
        play("fund", caller, order, call, abi.encodeCall(Model.fund, (caller, order, comes)));
    }

    function _isTooLate(bytes32 order) private view returns (bool) {
        uint256 count = model.milestoneCount(order);
        for (uint16 i = 0; i < count; ++i) {
            (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(order, i);
            if (block.timestamp >= terms.due) return true;
        }
        return block.timestamp > escrow.orderOf(order).fundBy;
    }

    /// @dev Some tokens answer nothing to an approval.
    function _approve(IERC20 token, address owner, uint256 amount) private {
        vm.prank(owner);
        (bool isDone,) = address(token).call(abi.encodeCall(IERC20.approve, (address(escrow), amount)));
        vm.assertTrue(isDone, "approved");
    }

    function _withPermit(bytes32 order, IERC20 token, address owner, uint256 amount)
        private
        view
        returns (bytes memory)
    {
        bytes32 domain = honest.DOMAIN_SEPARATOR();
        uint256 number = address(token) == address(honest) ? honest.nonces(owner) : 0;
        bytes32 content =
            keccak256(abi.encode(PERMIT_TYPEHASH, owner, address(escrow), amount, number, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(keys[owner], keccak256(abi.encodePacked(bytes2(0x1901), domain, content)));
        return abi.encodeCall(IDeliveryEscrow.fundWithPermit, (order, block.timestamp, v, r, s));
    }

    // ------------------------------------------------------------------------------------------------------ terms

    function _terms(uint256 token) private returns (IDeliveryEscrow.Terms memory terms) {
        terms.buyer = names[oneIn(3) ? RETAILER : ROASTER];
        terms.seller = names[oneIn(3) ? TRADER : GROWER];
        terms.token = tokens[token];
        terms.document = bytes32(roll(type(uint256).max));
        terms.fundBy = uint64(block.timestamp + 12 hours + roll(20 days));
        terms.attestors = new address[](1 + roll(3));
        uint256 first = roll(3);
        for (uint256 i = 0; i < terms.attestors.length; ++i) {
            uint256 which = (first + i) % 3;
            terms.attestors[i] = which == 0 ? terms.buyer : names[which == 1 ? CARRIER : INSPECTOR];
        }
        terms.splits = new IDeliveryEscrow.Split[](roll(3));
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            terms.splits[i] = IDeliveryEscrow.Split(names[i == 0 ? COOPERATIVE : TRADER], uint16(1 + roll(5_000)));
        }
        terms.milestones = new IDeliveryEscrow.Milestone[](1 + roll(3));
        for (uint256 i = 0; i < terms.milestones.length; ++i) {
            terms.milestones[i] = _milestone(terms.attestors.length);
            if (terms.milestones[i].arbitration > 0) terms.arbiter = names[ARBITER];
        }
    }

    function _milestone(uint256 attestors) private returns (IDeliveryEscrow.Milestone memory milestone) {
        milestone.amount = [1, 7, 100_000, uint128(1 + roll(10 ** 12)), type(uint128).max][roll(5)];
        milestone.ordered = [1, 3, 10, uint128(1 + roll(10 ** 6)), type(uint128).max][roll(5)];
        milestone.attestorMask = uint8(1 + roll((1 << attestors) - 1));
        uint256 count = 0;
        for (uint256 mask = milestone.attestorMask; mask > 0; mask >>= 1) {
            count += mask & 1;
        }
        milestone.threshold = uint8(count / 2 + 1 + roll(count - count / 2));
        milestone.due = uint64(block.timestamp + 12 hours + roll(12 days));
        milestone.grace = uint32(oneIn(3) ? 0 : roll(5 days));
        milestone.window = [0, 1 hours, 1 days, 3 days][roll(4)];
        milestone.arbitration = oneIn(3) ? 0 : uint32(1 + roll(5 days));
        milestone.lateBps = uint16(roll(10_001));
        milestone.lateCapBps = uint16(roll(10_001));
        milestone.deductionCapBps = uint16(roll(10_001));
    }

    function _spoil(IDeliveryEscrow.Terms memory terms) private {
        IDeliveryEscrow.Milestone memory milestone = terms.milestones[roll(terms.milestones.length)];
        uint256 what = roll(16);
        if (what == 0) terms.seller = terms.buyer;
        else if (what == 1) terms.seller = stranger.account;
        else if (what == 2) terms.token = IERC20(stranger.account);
        else if (what == 3) terms.arbiter = terms.attestors[0];
        else if (what == 4) terms.arbiter = terms.arbiter == address(0) ? names[ARBITER] : address(0);
        else if (what == 5) terms.fundBy = uint64(block.timestamp + 365 days + roll(2));
        else if (what == 6) terms.fundBy = uint64(block.timestamp);
        else if (what == 7) terms.attestors[terms.attestors.length - 1] = names[roll(PARTIES)];
        else if (what == 8) milestone.attestorMask = uint8(roll(256));
        else if (what == 9) milestone.threshold = uint8(roll(4));
        else if (what == 10) milestone.due = uint64(terms.fundBy + 5 * 365 days + roll(2));
        else if (what == 11) milestone.due = uint64(block.timestamp + roll(2));
        else if (what == 12) milestone.window = uint32(365 days + roll(2));
        else if (what == 13) milestone.amount = 0;
        else if (what == 14) milestone.lateCapBps = uint16(10_000 + roll(2));
        else terms.splits = _manySplits(roll(11));
    }

    function _manySplits(uint256 count) private returns (IDeliveryEscrow.Split[] memory splits) {
        splits = new IDeliveryEscrow.Split[](count);
        for (uint256 i = 0; i < count; ++i) {
            splits[i] = IDeliveryEscrow.Split(names[COOPERATIVE], uint16(roll(2_600)));
        }
    }
}
