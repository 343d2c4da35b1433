// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {ISettlementToken} from "./interfaces/ISettlementToken.sol";

/// @title SettlementToken
/// @notice See ISettlementToken for what it promises.
contract SettlementToken is ISettlementToken, ERC20Permit {
    /// @inheritdoc ISettlementToken
    address public immutable deployer = msg.sender;

    /// @dev XTS is the currency code that ISO 4217 reserves for testing.
    constructor() ERC20("SettlementToken", "XTS") ERC20Permit("SettlementToken") {}

    /// @inheritdoc ISettlementToken
    function mint(address to, uint256 amount) external {
        if (msg.sender != deployer) revert NotDeployer(msg.sender);
        _mint(to, amount);
    }

    /// @inheritdoc IERC20Metadata
    function decimals() public pure override(ERC20, IERC20Metadata) returns (uint8) {
        return 2;
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }
}
