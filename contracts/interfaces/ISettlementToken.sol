// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title Play money
/// @notice ERC-20 with permit (EIP-2612, domain name "SettlementToken", version "1") and two decimals, for local chains
/// and tests only: its deployer makes as much of it as it likes.
interface ISettlementToken is IERC20Metadata, IERC20Permit {
    /// @notice Only the deployer mints.
    error NotDeployer(address caller);

    /// @notice Makes `amount` cents for `to`. By the deployer.
    function mint(address to, uint256 amount) external;

    /// @notice Who mints.
    function deployer() external view returns (address);
}
