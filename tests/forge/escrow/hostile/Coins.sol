// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev A token as tests need it: anybody mints, and each heir misbehaves in one way. `pays` tells beforehand whether a
/// transfer will do what ERC-20 says.
abstract contract Ledger {
    mapping(address account => uint256) internal _balances;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external virtual {
        _balances[to] += amount;
    }

    function balanceOf(address account) public view virtual returns (uint256) {
        return _balances[account];
    }

    function pays(address from, address, uint256 amount) public view virtual returns (bool) {
        return balanceOf(from) >= amount;
    }

    function _spend(address owner, uint256 amount) internal {
        require(allowance[owner][msg.sender] >= amount, "not allowed");
        allowance[owner][msg.sender] -= amount;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        require(_balances[from] >= amount, "not enough");
        _balances[from] -= amount;
        _balances[to] += amount;
    }
}

/// @dev Does what ERC-20 says.
contract Coin is Ledger {
    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external virtual returns (bool) {
        _spend(from, amount);
        _move(from, to, amount);
        return true;
    }
}

/// @dev Answers nothing, as several old and large tokens do.
contract SilentCoin is Ledger {
    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _spend(from, amount);
        _move(from, to, amount);
    }
}

/// @dev Answers false and moves nothing, while it sulks.
contract FalseCoin is Coin {
    bool public sulks;

    function setSulks(bool sulks_) external {
        sulks = sulks_;
    }

    function pays(address from, address to, uint256 amount) public view override returns (bool) {
        return !sulks && super.pays(from, to, amount);
    }

    function transfer(address to, uint256 amount) external override returns (bool) {
        if (sulks) return false;
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external override returns (bool) {
        if (sulks) return false;
        _spend(from, amount);
        _move(from, to, amount);
        return true;
    }
}

/// @dev Keeps a part of what it moves, from some day on.
contract FeeCoin is Coin {
    uint256 public feeBps;

    function setFee(uint256 feeBps_) external {
        feeBps = feeBps_;
    }

    /// @dev At least one unit, so that no amount is too small to be told.
    function feeOf(uint256 amount) public view returns (uint256) {
        return feeBps == 0 || amount == 0 ? 0 : amount * feeBps / 10_000 + 1;
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        _balances[to] -= feeOf(amount);
    }
}

/// @dev Refuses to pay accounts that it has blocked.
contract BlockingCoin is Coin {
    mapping(address account => bool) public isBlocked;

    function setBlocked(address account, bool isBlocked_) external {
        isBlocked[account] = isBlocked_;
    }

    function pays(address from, address to, uint256 amount) public view override returns (bool) {
        return !isBlocked[to] && super.pays(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) internal override {
        require(!isBlocked[to], "blocked");
        super._move(from, to, amount);
    }
}

/// @dev Everybody's balance grows and shrinks at once, without a transfer.
contract RebasingCoin is Coin {
    uint256 public percent = 100;

    function setPercent(uint256 percent_) external {
        percent = percent_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return _balances[account] * percent / 100;
    }

    function mint(address to, uint256 amount) external override {
        _balances[to] += _parts(amount);
    }

    function pays(address from, address, uint256 amount) public view override returns (bool) {
        return _balances[from] >= _parts(amount);
    }

    /// @dev Moves whole parts, so that the receiver's balance may rise by more than the amount, or by less.
    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, _parts(amount));
    }

    function _parts(uint256 amount) private view returns (uint256) {
        return (amount * 100 + percent - 1) / percent;
    }
}

/// @dev Calls back while it moves money, with whatever it was told to call.
contract ReentrantCoin is Coin {
    address public target;
    bytes[] public plans;
    /// @dev How many of these calls came through.
    uint256 public intrusions;

    function plan(address target_, bytes[] calldata plans_) external {
        target = target_;
        delete plans;
        for (uint256 i = 0; i < plans_.length; ++i) {
            plans.push(plans_[i]);
        }
    }

    function _move(address from, address to, uint256 amount) internal override {
        _callBack();
        super._move(from, to, amount);
        _callBack();
    }

    function _callBack() private {
        for (uint256 i = 0; i < plans.length; ++i) {
            (bool isDone,) = target.call(plans[i]);
            if (isDone) ++intrusions;
        }
    }
}
