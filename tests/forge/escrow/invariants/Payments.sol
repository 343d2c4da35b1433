// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IReceivable} from "../../../../contracts/interfaces/IReceivable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {Model} from "../model/Model.sol";
import {Endings} from "./Endings.sol";

/// @dev Receivables are minted and sold, credits collected, deliveries paid in one transaction.
abstract contract Payments is Endings {
    /// @dev Where creditors have themselves paid who want it elsewhere.
    address internal vault = character("vault").account;

    function tokenise(uint256 seed) public played(seed) {
        bytes32 order = anOrder(IDeliveryEscrow.State.Funded);
        (,,, bool wasMinted) = model.termsOf(order);
        if ((wasMinted || isMissed(order, IDeliveryEscrow.State.Funded)) && !oneIn(8)) return;
        address caller = oneIn(12) ? somebody() : controllerOf(escrow.orderOf(order).seller);
        bool isDone = playAt(
            "tokenise",
            address(receivable),
            caller,
            order,
            abi.encodeCall(IReceivable.mint, (order)),
            address(model),
            abi.encodeCall(Model.mint, (caller, order))
        );
        if (isDone) mayBeCredited(caller);
    }

    function sell(uint256 seed) public played(seed) {
        bytes32 order = _tokenised();
        (,, address holder,) = model.termsOf(order);
        if (holder == address(0) && !oneIn(8)) return;
        address caller = holder == address(0) || oneIn(12) ? somebody() : holder;
        address to = _buyerOfReceivables();
        bytes memory call = abi.encodeCall(IERC721.transferFrom, (caller, to, uint256(order)));
        bytes memory inModel = abi.encodeCall(Model.transfer, (caller, order, to));
        if (oneIn(2)) {
            uint64 version = escrow.orderOf(order).version - uint64(oneIn(6) ? 1 : 0);
            call = abi.encodeCall(IReceivable.transferIf, (to, uint256(order), version));
            inModel = abi.encodeCall(Model.transferIf, (caller, order, to, version));
        }
        bool isDone = playAt("sell", address(receivable), caller, order, call, address(model), inModel);
        if (isDone) mayBeCredited(to);
    }

    function collect(uint256 seed) public played(seed) {
        (IERC20 token, address creditor) = _credit();
        collectAs(somebody(), token, creditor);
    }

    function collectTo(uint256 seed) public played(seed) {
        (IERC20 token, address creditor) = _credit();
        address caller = oneIn(8) ? somebody() : model.actorOf(creditor);
        address receiver = oneIn(10) ? (oneIn(2) ? address(escrow) : address(0)) : vault;
        uint256 amount = escrow.creditOf(token, creditor);
        uint256 before = token.balanceOf(receiver);
        bool comes = pays(token, receiver, amount);
        bytes memory call = abi.encodeCall(IDeliveryEscrow.collectTo, (token, creditor, receiver));
        bytes memory inModel = abi.encodeCall(Model.collectTo, (caller, address(token), creditor, receiver, comes));
        bool isDone = play("collect to", caller, 0, call, inModel);
        if (isDone) _checkPaid(token, receiver, before, amount);
    }

    /// @dev Attest, settle what can be, collect: the money comes with the delivery, or nothing happens.
    function deliver(uint256 seed) public played(seed) {
        bytes32 order = anOrder(IDeliveryEscrow.State.Funded);
        if (isMissed(order, IDeliveryEscrow.State.Funded)) return;
        if (address(escrow.orderOf(order).token) == address(rebasing)) return;
        Paper memory paper = _write(order);
        address caller = paper.signature.length == 0 ? paper.signer : somebody();
        Place memory place = Place(order, paper.attestation.milestone, paper.attestation.delivery);
        if (!_paysAtOnce(place)) place = anItem(Wanted.Due);
        (bytes[] memory calls, bytes[] memory inModel) = _inOne(order, caller, place);
        (calls[0], inModel[0]) = (_call(paper), _modelCall(paper, caller));
        playAt(
            "deliver",
            address(escrow),
            caller,
            order,
            abi.encodeCall(IDeliveryEscrow.multicall, (calls)),
            address(this),
            abi.encodeCall(this.inModelAtOnce, (inModel))
        );
    }

    /// @dev The second settles; where nothing is to be settled, it collects another time.
    function _inOne(bytes32 order, address caller, Place memory place)
        private
        returns (bytes[] memory calls, bytes[] memory inModel)
    {
        IERC20 token = escrow.orderOf(order).token;
        address payee = escrow.payeeOf(order);
        bool comes = pays(token, model.actorOf(payee), 0);
        (calls, inModel) = (new bytes[](3), new bytes[](3));
        calls[2] = abi.encodeCall(IDeliveryEscrow.collect, (token, payee));
        inModel[2] = abi.encodeCall(Model.collect, (caller, address(token), payee, comes));
        (calls[1], inModel[1]) = (calls[2], inModel[2]);
        if (!_paysAtOnce(place) && isMissed(place, Wanted.Due)) return (calls, inModel);
        calls[1] = abi.encodeCall(IDeliveryEscrow.settle, (place.order, place.milestone, place.delivery));
        inModel[1] = abi.encodeCall(Model.settle, (place.order, place.milestone, place.delivery));
    }

    /// @dev All or none.
    function inModelAtOnce(bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool isDone, bytes memory reason) = address(model).call(calls[i]);
            Address.verifyCallResult(isDone, reason);
        }
    }

    // ------------------------------------------------------------------------------------------------------- steps

    function collectAs(address caller, IERC20 token, address creditor) internal returns (bool isDone) {
        address receiver = model.actorOf(creditor);
        uint256 amount = escrow.creditOf(token, creditor);
        uint256 before = token.balanceOf(receiver);
        isDone = play(
            "collect",
            caller,
            0,
            abi.encodeCall(IDeliveryEscrow.collect, (token, creditor)),
            abi.encodeCall(Model.collect, (caller, address(token), creditor, pays(token, receiver, amount)))
        );
        if (isDone) _checkPaid(token, receiver, before, amount);
    }

    /// @dev A tax that came later is the receiver's loss; a rebasing token pays what it likes.
    function _checkPaid(IERC20 token, address receiver, uint256 before, uint256 amount) private view {
        if (address(token) == address(rebasing)) return;
        uint256 expected = amount - (address(token) == address(taxed) ? taxed.feeOf(amount) : 0);
        vm.assertEq(token.balanceOf(receiver) - before, expected, "collected is what was credited");
    }

    function _paysAtOnce(Place memory place) private view returns (bool) {
        (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(place.order, place.milestone);
        return terms.window == 0 && terms.threshold == 1 && !escrow.itemOf(place.order, place.milestone, 0).isDisputed;
    }

    function _tokenised() private returns (bytes32 order) {
        for (uint256 i = 0; i < 8; ++i) {
            order = anOrder(IDeliveryEscrow.State.Funded);
            (,, address holder,) = model.termsOf(order);
            if (holder != address(0)) return order;
        }
    }

    /// @dev Some of these are refused. Nobody sells to the stranger or the bystander, who are to gain nothing.
    function _buyerOfReceivables() private returns (address) {
        uint256 who = roll(16);
        if (who < 6) return bank.account;
        if (who < 8) return address(intruder);
        if (who == 8) return address(escrow);
        if (who == 9) return controllerOf(names[ARBITER]);
        if (who == 10) return names[ARBITER];
        // Whoever will control the arbiter one day.
        if (who == 11) return _controller(ARBITER, controllers[ARBITER] + 1).account;
        if (who < 14) return names[roll(BYSTANDER)];
        return controllerOf(names[roll(BYSTANDER)]);
    }

    /// @dev One with something in it, where chance finds it.
    function _credit() private returns (IERC20 token, address creditor) {
        for (uint256 i = 0; i < 12; ++i) {
            token = escrow.orderOf(model.orders(roll(model.orderCount()))).token;
            creditor = creditors[roll(creditors.length)];
            if (escrow.creditOf(token, creditor) > 0) return (token, creditor);
        }
    }
}
