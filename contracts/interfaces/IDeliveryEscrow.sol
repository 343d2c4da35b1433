// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IEventLog} from "./IEventLog.sol";
import {IPartyRegistry} from "./IPartyRegistry.sol";
import {IReceivable} from "./IReceivable.sol";

/// @title Orders whose payments follow delivery
/// @notice Buyer and seller agree on terms, the buyer funds them, and attested deliveries pay the seller. Money stands
/// in items: one for each agreed delivery, (order, milestone, delivery), and the rest of each milestone,
/// (order, milestone, 0). Every item ends by one mechanism; settling credits, collecting pays out.
/// @dev Signatures are EIP-712, domain name "DeliveryEscrow", version "1" (`eip712Domain`, EIP-5267), 65 bytes with low
/// s and v 27 or 28. A contract account acts by calling, with an empty signature. Times are block times in seconds.
interface IDeliveryEscrow {
    // ------------------------------------------------------------------------------------------------------ types

    /// @notice The life of an order. Ended: nothing of it is held any more.
    enum State {
        None,
        Proposed,
        Accepted,
        Funded,
        Cancelled,
        Ended
    }

    /// @notice Why money left an item.
    enum Cause {
        Settled,
        Released,
        GivenBack,
        Divided,
        Ruled
    }

    /// @notice A share of whatever goes to the payee, rounded down.
    /// @param bps basis points, 1 to 10,000
    struct Split {
        address party;
        uint16 bps;
    }

    /// @notice One part of an order that is delivered and paid for.
    /// @param amount in the token's smallest unit, 1 to 2^128-1
    /// @param ordered quantity in the smallest unit that the terms document names, 1 to 2^128-1
    /// @param attestorMask bit i stands for the order's attestor i
    /// @param threshold how many of these attestors have to state the same; more than half of them
    /// @param due time until which a delivery is not late
    /// @param grace seconds after `due` during which a late delivery is still taken
    /// @param window seconds after agreement during which a delivery may be disputed; 0 for none
    /// @param arbitration seconds that the arbiter has for a ruling; 0 for no arbiter
    /// @param lateBps reduction in basis points for each begun day after `due`
    /// @param lateCapBps the most that lateness takes
    /// @param deductionCapBps the most that a quality deduction takes
    struct Milestone {
        uint128 amount;
        uint128 ordered;
        uint8 attestorMask;
        uint8 threshold;
        uint64 due;
        uint32 grace;
        uint32 window;
        uint32 arbitration;
        uint16 lateBps;
        uint16 lateCapBps;
        uint16 deductionCapBps;
    }

    /// @notice All that an order's id stands for.
    /// @param buyer party that pays
    /// @param seller party that delivers
    /// @param token ERC-20
    /// @param document SHA-256 of the terms document
    /// @param arbiter party that rules disputes; zero where no milestone has arbitration time
    /// @param fundBy the last second in which the order can be funded
    struct Terms {
        address buyer;
        address seller;
        IERC20 token;
        bytes32 document;
        address arbiter;
        uint64 fundBy;
        Split[] splits;
        address[] attestors;
        Milestone[] milestones;
    }

    /// @notice An order at this moment.
    /// @param version raised by every change of the order or of one of its items
    /// @param openItems how many of its items still hold money or may still be delivered to (rests count)
    struct Order {
        State state;
        address buyer;
        address seller;
        IERC20 token;
        bytes32 document;
        address arbiter;
        uint64 fundBy;
        uint64 acceptedAt;
        uint64 version;
        uint32 openItems;
    }

    /// @notice An item at this moment.
    /// @param held what it holds, in the token's smallest unit
    /// @param reduction basis points that go to the buyer when it is settled (the rest of a milestone: 10,000)
    /// @param disputableUntil the first second in which it can't be disputed any more, and may be settled if it isn't
    /// @param settleableFrom the first second in which anyone may settle it, as things stand
    /// @param version raised by every change of the item
    /// @param exists false where no such delivery is agreed
    struct Item {
        uint128 held;
        uint16 reduction;
        uint64 disputableUntil;
        uint64 settleableFrom;
        uint32 version;
        bool isDisputed;
        bool isEnded;
        bool exists;
    }

    /// @notice What an attestor states of a delivery.
    /// @param recordHash the record of the event that it states this on
    /// @param happenedAt when the delivery happened
    /// @param accepted quantity in the smallest unit that the terms document names; 0 for none
    /// @param deductionBps reduction for quality
    struct Attestation {
        bytes32 order;
        uint16 milestone;
        bytes32 delivery;
        bytes32 recordHash;
        uint64 happenedAt;
        uint128 accepted;
        uint16 deductionBps;
    }

    /// @notice A proof that the attestation's record is anchored.
    /// @param signature the record's, exactly as it stands in the leaf
    /// @param proof siblings from leaf to root, at most 64
    struct Evidence {
        bytes signature;
        bytes32[] proof;
        bytes32 root;
    }

    /// @notice A part of an item that buyer and payee divide between them.
    struct Division {
        bytes32 order;
        uint16 milestone;
        bytes32 delivery;
        uint64 itemVersion;
        uint128 toPayee;
        uint128 toBuyer;
        uint64 deadline;
    }

    // ----------------------------------------------------------------------------------------------------- events

    event OrderProposed(
        bytes32 indexed order, address indexed buyer, address indexed seller, uint256 nonce, Terms terms
    );

    event OrderAccepted(bytes32 indexed order);

    /// @param party who cancelled it: buyer or seller
    event OrderCancelled(bytes32 indexed order, address party);

    /// @param from the account that the money came from
    event OrderFunded(bytes32 indexed order, address indexed from, uint256 amount);

    event Attested(
        bytes32 indexed order,
        uint16 milestone,
        bytes32 indexed delivery,
        address indexed attestor,
        address signer,
        bytes32 recordHash,
        uint64 happenedAt,
        uint128 accepted,
        uint16 deductionBps
    );

    event AttestationTakenBack(
        bytes32 indexed order, uint16 milestone, bytes32 indexed delivery, address indexed attestor, bytes32 recordHash
    );

    /// @param accepted quantity agreed, over-delivery included
    /// @param gross what left the milestone's rest for this delivery's item
    event DeliveryAgreed(
        bytes32 indexed order,
        uint16 milestone,
        bytes32 indexed delivery,
        uint128 accepted,
        uint128 gross,
        uint16 reduction,
        uint64 disputableUntil
    );

    /// @param by the buyer's name, or the payee (a party's name, or the account that holds the receivable)
    event Disputed(bytes32 indexed order, uint16 milestone, bytes32 indexed delivery, address by);

    /// @notice Money has left an item and is credited. toPayee + toSplits + toBuyer is what left, exactly.
    /// @param payee a party's name, or the account that holds the receivable
    /// @param toPayee what the payee itself gets, after splits
    /// @param held what the item holds now
    event ItemPaid(
        bytes32 indexed order,
        uint16 milestone,
        bytes32 indexed delivery,
        Cause cause,
        address payee,
        uint128 toPayee,
        uint128 toSplits,
        uint128 toBuyer,
        uint128 held
    );

    /// @notice One for each creditor and ItemPaid, with an amount above zero.
    event Credited(bytes32 indexed order, address indexed creditor, address token, uint128 amount);

    event Collected(address indexed token, address indexed creditor, address receiver, uint256 amount);

    /// @notice Nothing of the order is held any more.
    event OrderEnded(bytes32 indexed order);

    // ---------------------------------------------------------------------------------------------------- actions

    /// @notice By the buyer's controller; the buyer is active.
    function propose(Terms calldata terms, uint256 nonce) external returns (bytes32 order);

    /// @notice By the seller's controller, until fundBy.
    function accept(bytes32 order) external;

    /// @notice By either side's controller, until it is funded.
    function cancel(bytes32 order) external;

    /// @notice By the buyer's controller, from its own account, until fundBy and before any due time.
    function fund(bytes32 order) external;

    /// @notice As `fund`, with an EIP-2612 permit for the whole amount. A permit that fails is ignored where the
    /// allowance suffices.
    function fundWithPermit(bytes32 order, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice By anyone. An attestation that counted already is a success.
    /// @param signature by a key that stands for an attestor of the milestone for use 2; empty where the caller is it
    function attest(Attestation calldata attestation, bytes calldata signature, Evidence calldata evidence) external;

    /// @notice By the attestor's controller, until the delivery is agreed: that attestation never counts again.
    function takeBack(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice By anyone, once the item's time has come (`settleableFrom`).
    function settle(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice By the buyer: the whole item to the payee.
    function release(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice By the payee: the whole item to the buyer.
    function giveBack(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice By buyer or payee, with the other's signature.
    function divide(Division calldata division, bytes calldata signature) external;

    /// @notice By buyer or payee, once an item.
    function dispute(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice By the arbiter's controller, in the arbitration time of a disputed item.
    /// @param payeeBps of what the item holds
    function rule(bytes32 order, uint16 milestone, bytes32 delivery, uint16 payeeBps) external;

    /// @notice By anyone: pays what is credited to the creditor (a party: to its controller). Nothing credited is a
    /// success, too.
    function collect(IERC20 token, address creditor) external returns (uint256 amount);

    /// @notice By the creditor itself, to an account that it names.
    function collectTo(IERC20 token, address creditor, address receiver) external returns (uint256 amount);

    /// @notice Several calls in one transaction, all or none.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results);

    // ------------------------------------------------------------------------------------------------------ views

    function orderId(Terms calldata terms, uint256 nonce) external view returns (bytes32);

    function orderOf(bytes32 order) external view returns (Order memory);

    /// @param taken what deliveries have taken of the amount
    /// @param accepted what was agreed so far, over-delivery included
    function milestoneOf(bytes32 order, uint16 milestone)
        external
        view
        returns (Milestone memory terms, uint128 taken, uint128 accepted);

    function itemOf(bytes32 order, uint16 milestone, bytes32 delivery) external view returns (Item memory);

    /// @notice Who is paid and has the seller's rights: the seller, or whoever holds the order's receivable.
    function payeeOf(bytes32 order) external view returns (address);

    function creditOf(IERC20 token, address creditor) external view returns (uint256);

    function attestationDigest(Attestation calldata attestation) external view returns (bytes32);

    function divisionDigest(Division calldata division) external view returns (bytes32);

    function eventLog() external view returns (IEventLog);

    function registry() external view returns (IPartyRegistry);

    function receivable() external view returns (IReceivable);
}
