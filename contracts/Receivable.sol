// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {IDeliveryEscrow} from "./interfaces/IDeliveryEscrow.sol";
import {IReceivable} from "./interfaces/IReceivable.sol";

/// @title Receivable
/// @notice Made by the escrow whose orders it is about. See IReceivable for what it promises.
contract Receivable is IReceivable, ERC721 {
    /// @inheritdoc IReceivable
    IDeliveryEscrow public immutable escrow = IDeliveryEscrow(msg.sender);

    constructor() ERC721("Tallystick Receivable", "TALLY") {}

    /// @inheritdoc IReceivable
    function mint(bytes32 order) external {
        address seller = escrow.orderOf(order).seller;
        if (escrow.registry().controllerOf(seller) != msg.sender) revert NotSeller(seller, msg.sender);
        if (holderOf(order) != address(0)) revert AlreadyMinted(order);

        _mint(msg.sender, uint256(order));
    }

    /// @inheritdoc IReceivable
    function transferIf(address to, uint256 id, uint64 version) external {
        uint64 actual = escrow.orderOf(bytes32(id)).version;
        if (actual != version) revert OrderChanged(version, actual);

        transferFrom(ownerOf(id), to, id);
    }

    /// @inheritdoc IReceivable
    function burn(bytes32 order) external {
        if (msg.sender != address(escrow)) revert NotEscrow(msg.sender);

        _burn(uint256(order));
    }

    /// @inheritdoc IReceivable
    function holderOf(bytes32 order) public view returns (address) {
        return _ownerOf(uint256(order));
    }

    /// @dev The escrow hears of every new holder, and refuses some. It burns by itself.
    function _update(address to, uint256 id, address auth) internal override returns (address from) {
        from = super._update(to, id, auth);
        if (to != address(0)) escrow.receivableMoved(bytes32(id), to);
    }
}
