// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {IDeliveryEscrow} from "./IDeliveryEscrow.sol";

/// @title The right to an order's payments
/// @notice ERC-721, token id = uint256(order). Until it is minted the seller is the payee; from then on its holder is,
/// with the seller's rights of dispute, giving back and division. Burned when nothing can be paid any more; what is
/// credited to a holder stays so. Never held by the escrow nor by the order's arbiter.
/// @dev A receivable stays with its account: a party transfers it before it replaces the key. Held by an account that is
/// a party's name it is that party's, and the party's controller has the rights.
interface IReceivable is IERC721 {
    // ----------------------------------------------------------------------------------------------------- errors

    /// @notice Only the seller's controller mints.
    error NotSeller(address seller, address caller);

    /// @notice An order has one receivable.
    error AlreadyMinted(bytes32 order);

    /// @notice The order has changed: look at it again.
    error OrderChanged(uint64 expected, uint64 version);

    /// @notice Only the escrow burns.
    error NotEscrow(address caller);

    // ---------------------------------------------------------------------------------------------------- actions

    /// @notice Makes the order's receivable. By the seller's controller, once, while the order is funded, to itself,
    /// without callback.
    function mint(bytes32 order) external;

    /// @notice Transfers from the present holder, unless the order has changed since `version`: nobody buys one that
    /// changed meanwhile. By the holder or an account that it has approved.
    function transferIf(address to, uint256 id, uint64 version) external;

    /// @notice By the escrow alone, when the order has ended.
    function burn(bytes32 order) external;

    // ------------------------------------------------------------------------------------------------------ views

    /// @notice The holder; zero where none is minted, or it is burned.
    function holderOf(bytes32 order) external view returns (address);

    /// @notice The contract that holds the orders' money.
    function escrow() external view returns (IDeliveryEscrow);
}
