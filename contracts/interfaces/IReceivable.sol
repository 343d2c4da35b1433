// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @title The right to an order's payments
/// @notice ERC-721, token id = uint256(order). Until it is minted the seller is the payee; from then on its holder is,
/// with the seller's rights of dispute, giving back and division. Burned when nothing can be paid any more.
interface IReceivable is IERC721 {
    /// @notice By the seller's controller, once, from funding on, to itself, without callback.
    function mint(bytes32 order) external;

    /// @notice Transfers from the present holder, unless the order has changed since `version`.
    function transferIf(address to, uint256 id, uint64 version) external;

    /// @notice By the escrow alone, when the order has ended.
    function burn(bytes32 order) external;

    /// @notice The holder; zero where none is minted.
    function holderOf(bytes32 order) external view returns (address);
}
