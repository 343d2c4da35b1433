// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDeliveryEscrow} from "./interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title Credits
/// @notice The part of DeliveryEscrow that says what is owed to whom, and pays it out. Nothing else of the escrow sends
/// tokens, so an account that can't receive, or a token that misbehaves, stops nobody else.
/// @dev A creditor is a party's name, and then is that party whoever its controller is, or any other account.
abstract contract Credits is IDeliveryEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    // ---------------------------------------------------------------------------------------------------- storage

    /// @inheritdoc IDeliveryEscrow
    IPartyRegistry public immutable registry;

    /// @inheritdoc IDeliveryEscrow
    mapping(IERC20 token => mapping(address creditor => uint256 amount)) public creditOf;

    constructor(IPartyRegistry registry_) {
        registry = registry_;
    }

    // ------------------------------------------------------------------------------------------------- paying out

    /// @inheritdoc IDeliveryEscrow
    function collect(IERC20 token, address creditor) external nonReentrant returns (uint256 amount) {
        address receiver = _accountOf(creditor);
        if (msg.sender != receiver && creditOf[token][creditor] != 0) {
            address next = registry.noticeOf(creditor).next;
            if (next != address(0)) revert ReplacementPending(creditor, next);
        }
        return _payOut(token, creditor, receiver);
    }

    /// @inheritdoc IDeliveryEscrow
    function collectTo(IERC20 token, address creditor, address receiver)
        external
        nonReentrant
        returns (uint256 amount)
    {
        _checkActsFor(creditor);
        if (receiver == address(0) || receiver == address(this)) revert BadReceiver(receiver);

        return _payOut(token, creditor, receiver);
    }

    function _payOut(IERC20 token, address creditor, address receiver) private returns (uint256 amount) {
        amount = creditOf[token][creditor];
        if (amount == 0) return 0;
        creditOf[token][creditor] = 0;
        emit Collected(address(token), creditor, receiver, amount);

        token.safeTransfer(receiver, amount);
    }

    // -------------------------------------------------------------------------------------------------- creditors

    function _credit(bytes32 order, IERC20 token, address creditor, uint128 amount) internal {
        if (amount == 0) return;
        creditOf[token][creditor] += amount;
        emit Credited(order, creditor, address(token), amount);
    }

    /// @dev Who acts for a creditor now, and where it is paid.
    function _accountOf(address creditor) internal view returns (address) {
        address controller = registry.controllerOf(creditor);
        return controller == address(0) ? creditor : controller;
    }

    function _checkActsFor(address creditor) internal view {
        if (msg.sender != _accountOf(creditor)) revert NotActingFor(creditor, msg.sender);
    }
}
