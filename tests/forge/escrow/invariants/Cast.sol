// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DeliveryEscrow} from "../../../../contracts/DeliveryEscrow.sol";
import {EventLog} from "../../../../contracts/EventLog.sol";
import {PartyRegistry} from "../../../../contracts/PartyRegistry.sol";
import {SettlementToken} from "../../../../contracts/SettlementToken.sol";
import {IPartyRegistry} from "../../../../contracts/interfaces/IPartyRegistry.sol";
import {IReceivable} from "../../../../contracts/interfaces/IReceivable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Base, Character, Vm} from "../../Base.sol";
import {BlockingCoin, FalseCoin, FeeCoin, Ledger, RebasingCoin, ReentrantCoin, SilentCoin} from "../hostile/Coins.sol";
import {Model} from "../model/Model.sol";

/// @dev Cheat codes that only these tests need.
interface Stagecraft {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function etch(address account, bytes calldata code) external;
    function pauseGasMetering() external;
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool isDone);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);
    function toString(bytes calldata value) external pure returns (string memory text);
}

/// @dev Who plays: nine parties with a scanner (use 1) and a desk (use 2) each, a bank and a stranger that are none, and
/// seven tokens, six of which misbehave.
abstract contract Cast is Base {
    Stagecraft internal constant stage = Stagecraft(address(vm));

    uint256 internal constant PARTIES = 9;
    uint256 internal constant TOKENS = 7;
    // Places among the parties. Nobody ever names the bystander in an order.
    uint256 internal constant ROASTER = 0;
    uint256 internal constant RETAILER = 1;
    uint256 internal constant GROWER = 2;
    uint256 internal constant TRADER = 3;
    uint256 internal constant CARRIER = 4;
    uint256 internal constant INSPECTOR = 5;
    uint256 internal constant ARBITER = 6;
    uint256 internal constant COOPERATIVE = 7;
    uint256 internal constant BYSTANDER = 8;

    string[PARTIES] internal titles =
        ["roaster", "retailer", "grower", "trader", "carrier", "inspector", "arbiter", "cooperative", "bystander"];
    address[PARTIES] internal names;
    Character[PARTIES] internal scanners;
    Character[PARTIES] internal desks;
    /// @dev How many controllers a party has had, and will have: each is another character.
    uint256[PARTIES] internal controllers;
    Character internal bank = character("bank");
    /// @dev Of every account that may ever sign.
    mapping(address account => uint256) internal keys;

    DeliveryEscrow internal escrow;
    IReceivable internal receivable;
    Model internal model;
    IERC20[TOKENS] internal tokens;
    SettlementToken internal honest;
    FalseCoin internal liar;
    FeeCoin internal taxed;
    BlockingCoin internal blocking;
    RebasingCoin internal rebasing;
    ReentrantCoin internal intruder;

    function setUp() public override {
        vm.warp(START - 1);
        registry = new PartyRegistry(members());
        eventLog = new EventLog(registry);
        escrow = new DeliveryEscrow(eventLog);
        receivable = escrow.receivable();
        model = new Model(registry, eventLog, address(escrow));
        _mint();
        vm.warp(START);
        for (uint256 i = 0; i < PARTIES; ++i) {
            scanners[i] = _device(i, "'s scanner", RECORD);
            desks[i] = _device(i, "'s desk", ATTEST);
        }
        keys[bank.account] = bank.key;
        keys[stranger.account] = stranger.key;
        later(1);
    }

    function members() private returns (IPartyRegistry.Founder[] memory founders_) {
        founders_ = new IPartyRegistry.Founder[](PARTIES);
        for (uint256 i = 0; i < PARTIES; ++i) {
            Character memory who = _controller(i, 0);
            names[i] = who.account;
            keys[who.account] = who.key;
            founders_[i] = IPartyRegistry.Founder(who.account, profile(i + 1, titles[i]));
        }
    }

    function _mint() private {
        honest = new SettlementToken();
        liar = new FalseCoin();
        taxed = new FeeCoin();
        blocking = new BlockingCoin();
        rebasing = new RebasingCoin();
        intruder = new ReentrantCoin();
        tokens[0] = IERC20(address(honest));
        tokens[1] = IERC20(address(new SilentCoin()));
        tokens[2] = IERC20(address(liar));
        tokens[3] = IERC20(address(taxed));
        tokens[4] = IERC20(address(blocking));
        tokens[5] = IERC20(address(intruder));
        // The last one's balances change without a transfer.
        tokens[6] = IERC20(address(rebasing));
    }

    function _controller(uint256 party, uint256 number) internal returns (Character memory) {
        return character(string.concat(titles[party], number == 0 ? "" : string(abi.encodePacked(" ", number))));
    }

    function _device(uint256 party, string memory what, uint8 uses) private returns (Character memory who) {
        who = character(string.concat(titles[party], what));
        keys[who.account] = who.key;
        bytes memory consent = consentOf(who, names[party], uses, 0, FOREVER);
        vm.prank(names[party]);
        registry.authorise(who.account, uses, 0, FOREVER, consent);
    }

    function controllerOf(address party) internal view returns (address) {
        return registry.controllerOf(party);
    }

    function isActive(uint256 party) internal view returns (bool) {
        return registry.statusOf(names[party]) == IPartyRegistry.Status.Active;
    }

    /// @dev Some account that may anchor: one of the first active party.
    function anchorer() internal view returns (address) {
        for (uint256 i = 0; i < PARTIES; ++i) {
            if (isActive(i)) return controllerOf(names[i]);
        }
        return address(0);
    }

    function signAs(address account, bytes32 digest) internal view returns (bytes memory) {
        return sign(Character(account, keys[account]), digest);
    }

    /// @dev Whether the token would do what it is told, were the escrow to pay now.
    function pays(IERC20 token, address to, uint256 amount) internal view returns (bool) {
        if (address(token) == address(honest)) return true;
        return Ledger(address(token)).pays(address(escrow), to, amount);
    }

    function give(IERC20 token, address to, uint256 amount) internal {
        Ledger(address(token)).mint(to, amount);
    }
}
