// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Takes more from its new owner than it was told to bring.
contract ShrinkingCoin is ERC20("ShrinkingCoin", "SHR") {
    constructor(address victim) {
        _mint(victim, 1);
    }

    function transferFrom(address, address to, uint256) public override returns (bool) {
        _burn(to, 1);
        return true;
    }
}

/// @dev Calls the escrow while it moves: whatever it was told to.
contract RestlessCoin is ERC20("RestlessCoin", "RST") {
    address private _target;
    bytes private _call;
    bytes public answer;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function plan(address target, bytes calldata call_) external {
        (_target, _call) = (target, call_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target != address(0)) (, answer) = _target.call(_call);
    }
}
