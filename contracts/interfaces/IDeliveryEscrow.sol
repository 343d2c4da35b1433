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
    /// @param acceptedAt when the seller accepted it; no delivery happened before
    /// @param version raised by every change of the order or of one of its items, and by its receivable changing hands
    /// @param openItems how many of its items hold money; the order ends with the last one
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

    /// @notice An item at this moment; all zero where it does not exist.
    /// @param held what it holds, in the token's smallest unit
    /// @param reduction basis points that go to the buyer when it is settled (the rest of a milestone: 10,000)
    /// @param disputableUntil the first second in which it can't be disputed any more, and may be settled if it isn't
    /// @param settleableFrom the first second in which anyone may settle it, as things stand
    /// @param version 1 for a new one, raised by every change of it
    /// @param isEnded nothing leaves it any more; the rest of a milestone: nothing is delivered to it any more either. A
    /// rest that deliveries or a division emptied has not ended while its order is open: over-delivery is recorded
    /// @param exists false where no such delivery is agreed, or the order is not funded
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
    /// @param delivery keccak256(abi.encode(order, keccak256(utf8(ref)), salt)) as the terms document says, never zero
    /// @param recordHash the attestor's record of the event that it states this on
    /// @param happenedAt when the delivery happened
    /// @param accepted quantity in the smallest unit that the terms document names; 0 for none
    /// @param deductionBps reduction for quality; what exceeds the milestone's cap counts as the cap
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
    /// @param itemVersion the item as both know it; any change of it makes the signature worthless
    /// @param toPayee goes to the payee (splits are taken from it), whatever the item's reduction is
    /// @param deadline the last second in which it can be submitted
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

    /// @notice One for each amount above zero that an ItemPaid, the last one before, credits.
    event Credited(bytes32 indexed order, address indexed creditor, address token, uint128 amount);

    event Collected(address indexed token, address indexed creditor, address receiver, uint256 amount);

    /// @notice Nothing of the order is held any more.
    event OrderEnded(bytes32 indexed order);

    // ----------------------------------------------------------------------------------------------------- errors

    /// @notice There is no code at the token's address.
    error NotAContract(address account);

    /// @notice A term that no order may have.
    /// @param term its name as in `Terms`: "fundBy", "milestones.threshold"
    /// @param index which of the splits, attestors or milestones, or how many where these are too many or too few; 0 for
    /// a term that stands once
    error BadTerms(string term, uint256 index);

    /// @notice The same terms were proposed with the same nonce before: take another nonce.
    error OrderExists(bytes32 order);

    /// @notice The order is in a state in which this can't be done (None: nobody has proposed it).
    error WrongState(bytes32 order, State state);

    /// @notice Only an active party proposes.
    error NotActive(address party, IPartyRegistry.Status status);

    /// @notice The caller is not the one that acts for `who`: a party's controller, or the account itself.
    error NotActingFor(address who, address caller);

    /// @notice The caller acts neither for the one nor for the other.
    error NeitherOf(address one, address other, address caller);

    /// @notice The order could be accepted and funded until then.
    error FundByPassed(bytes32 order, uint64 fundBy);

    /// @notice An order is funded before any of its due times.
    error DuePassed(bytes32 order, uint16 milestone, uint64 due);

    /// @notice The token took another amount than it was told, as one that charges a fee does: it is of no use here.
    error WrongAmountReceived(IERC20 token, uint256 amount, uint256 balanceBefore, uint256 balanceAfter);

    /// @notice The order has no such milestone, or does not exist.
    error UnknownMilestone(bytes32 order, uint16 milestone);

    /// @notice No such delivery is agreed, or the order is not funded.
    error UnknownItem(bytes32 order, uint16 milestone, bytes32 delivery);

    /// @notice The item holds nothing: it has ended, or deliveries have taken all of the rest.
    error NothingHeld(bytes32 order, uint16 milestone, bytes32 delivery);

    /// @notice Its time has not come.
    error NotSettleable(uint64 settleableFrom);

    /// @notice The item may be disputed at t if from <= t < until.
    error NotDisputable(uint64 from, uint64 until);

    /// @notice The milestone has no arbitration time: nobody would rule.
    error NoArbiter(bytes32 order, uint16 milestone);

    /// @notice An item is disputed once.
    error AlreadyDisputed(bytes32 order, uint16 milestone, bytes32 delivery);

    /// @notice Only a disputed item is ruled on.
    error NotDisputed(bytes32 order, uint16 milestone, bytes32 delivery);

    /// @notice The arbiter may rule at t if from <= t < until.
    error NotInArbitration(uint64 from, uint64 until);

    /// @notice The arbiter would rule on its own money.
    error ArbiterIsPayee(address payee);

    /// @notice More than 10,000 basis points.
    error BadBps(uint16 bps);

    /// @notice `signer` has neither signed the division nor approved its digest in the registry.
    error NotSigned(address signer, bytes32 digest);

    /// @notice The division could be submitted until then.
    error DeadlinePassed(uint64 deadline);

    /// @notice The division was signed for another version of the item.
    error ItemChanged(uint64 signedVersion, uint64 version);

    /// @notice A division shares out something, and not more than the item holds.
    error BadDivision(uint128 toPayee, uint128 toBuyer, uint128 held);

    /// @notice Zero names the rest of a milestone, not a delivery.
    error ZeroDelivery();

    /// @notice Nothing is delivered to the milestone any more.
    error RestEnded(bytes32 order, uint16 milestone);

    /// @notice The delivery is agreed: nothing is stated on it, nor taken back, any more.
    error AlreadyAgreed(bytes32 order, uint16 milestone, bytes32 delivery);

    /// @notice Not 65 bytes, not low s, v neither 27 nor 28, or no key recovers from it.
    error BadSignature();

    /// @notice `signer` stands for `party` (zero: for nobody), which is no attestor of the milestone.
    error NotAttestor(address signer, address party);

    /// @notice The attestor has one attestation a delivery: its controller takes the first back.
    error AlreadyAttested(address attestor, bytes32 delivery);

    /// @notice What was taken back never counts again.
    error WasTakenBack(address attestor, bytes32 digest);

    /// @notice The attestor has no attestation on the delivery.
    error NothingToTakeBack(address attestor, bytes32 delivery);

    /// @notice The record's signature, proof and root don't show that it is anchored.
    error NotRecorded(bytes32 recordHash, bytes32 root);

    /// @notice The record's signer did not stand for the attestor for recording when it was anchored.
    error NotItsRecord(address attestor, bytes32 recordHash, address signer);

    /// @notice The attestor has withdrawn the record.
    error RecordWithdrawn(bytes32 recordHash, uint64 withdrawnAt);

    /// @notice A record of an attestor counts once in a milestone.
    error RecordCounted(bytes32 recordHash);

    /// @notice Deliveries of the milestone are anchored until then: due time and grace.
    error AnchoredTooLate(uint64 anchoredAt, uint64 until);

    /// @notice A delivery happens at t if from <= t <= until: acceptance, and the anchor's time and 5 minutes.
    error BadHappenedAt(uint64 happenedAt, uint64 from, uint64 until);

    /// @notice Nothing is paid to the zero address nor to the escrow itself.
    error BadReceiver(address receiver);

    /// @notice Members have voted to replace the party's controller: until that is done, lapsed or objected to, only
    /// the present controller collects for it.
    error ReplacementPending(address party, address next);

    /// @notice Only the receivable contract says so.
    error NotReceivable(address caller);

    /// @notice Neither the escrow nor the order's arbiter ever holds a receivable.
    error HolderRefused(address holder);

    // ---------------------------------------------------------------------------------- an order until it is funded

    /// @notice Proposes an order. By the buyer's controller; the buyer is active, all other parties are present. Terms
    /// within the bounds of docs/escrow.md.
    /// @param nonce any number that the buyer has not used with these terms
    /// @return order its id, for ever
    function propose(Terms calldata terms, uint256 nonce) external returns (bytes32 order);

    /// @notice Accepts a proposal. By the seller's controller, until fundBy.
    function accept(bytes32 order) external;

    /// @notice Ends an order before it is funded. By either side's controller, at any time until then.
    function cancel(bytes32 order) external;

    /// @notice Pays the sum of all milestones in. By the buyer's controller, from its own account, which has approved
    /// the escrow for it; until fundBy and before any due time.
    function fund(bytes32 order) external;

    /// @notice As `fund`, with an EIP-2612 permit for the whole amount. A permit that fails (somebody else may have
    /// submitted it) is ignored where the allowance suffices.
    function fundWithPermit(bytes32 order, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    // ------------------------------------------------------------------------------------------------- deliveries

    /// @notice States what was delivered. By anyone. An attestation that counted already is a success, whatever came
    /// since. With the last of `threshold` equal ones the delivery is agreed and has its item.
    /// @dev Of the record it sees hash, signature and proof only. A record is one of the attestor: another party that
    /// signs the same hash has another record.
    /// @param signature by a key that stands for an attestor of the milestone for use 2 now; empty where the caller is
    /// that key
    function attest(Attestation calldata attestation, bytes calldata signature, Evidence calldata evidence) external;

    /// @notice Takes an attestation back: it never counts again, its record is free for another one. By the attestor's
    /// controller, until the delivery is agreed.
    function takeBack(bytes32 order, uint16 milestone, bytes32 delivery) external;

    // ---------------------------------------------------------------------------------------------- how items end

    // All of these credit; `collect` pays out. `delivery` 0 is the rest of the milestone.

    /// @notice By anyone, once the item's time has come (`settleableFrom`): to the payee what the reduction leaves,
    /// rounded down, the remainder to the buyer.
    function settle(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice The whole item to the payee. By the buyer, at any time.
    function release(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice The whole item to the buyer. By the payee, at any time.
    function giveBack(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice A part of an item to both, as they agree. By buyer or payee, with the other's signature; at any time.
    /// @param signature over the division by whoever acts for the other; empty where that account has approved the
    /// digest in the registry, which is how a contract account does it
    function divide(Division calldata division, bytes calldata signature) external;

    /// @notice Stops the settling of an item for its arbitration time. By buyer or payee, once an item: a delivery
    /// before its `disputableUntil`, a rest after due time and grace and before its `disputableUntil`.
    function dispute(bytes32 order, uint16 milestone, bytes32 delivery) external;

    /// @notice Ends a disputed item. By the arbiter's controller, from its `disputableUntil` on and before its
    /// `settleableFrom`; not while the arbiter is the payee.
    /// @param payeeBps of what the item holds, rounded down, to the payee; the remainder to the buyer
    function rule(bytes32 order, uint16 milestone, bytes32 delivery, uint16 payeeBps) external;

    // ------------------------------------------------------------------------------------------------- paying out

    /// @notice Pays what is credited to the creditor: a party's name at its controller, any other at that account. By
    /// anyone; while a replacement of a party's controller is under notice, by the present controller alone. Nothing
    /// credited is a success, too.
    /// @return amount what was paid
    function collect(IERC20 token, address creditor) external returns (uint256 amount);

    /// @notice As `collect`, to an account that the creditor names. By whoever acts for the creditor.
    function collectTo(IERC20 token, address creditor, address receiver) external returns (uint256 amount);

    /// @notice Several calls of the caller in one transaction, all or none.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results);

    /// @notice The order's receivable has been minted to `holder`, or has come into its hands. By the receivable
    /// contract alone, while the order is funded.
    function receivableMoved(bytes32 order, address holder) external;

    // ------------------------------------------------------------------------------------------------------ views

    /// @notice The order's name: keccak256(abi.encode(chainid, escrow, buyer, nonce, terms)).
    function orderId(Terms calldata terms, uint256 nonce) external view returns (bytes32);

    /// @notice The order at this moment; all zero where nobody has proposed it.
    function orderOf(bytes32 order) external view returns (Order memory);

    /// @notice A milestone's terms and what was delivered to it; all zero where there is no such milestone.
    /// @param taken what deliveries have taken of the amount
    /// @param accepted what was agreed so far, over-delivery included (2^128-1 also for more)
    function milestoneOf(bytes32 order, uint16 milestone)
        external
        view
        returns (Milestone memory terms, uint128 taken, uint128 accepted);

    /// @notice An item at this moment; all zero where there is none. `delivery` 0 is the rest of the milestone.
    function itemOf(bytes32 order, uint16 milestone, bytes32 delivery) external view returns (Item memory);

    /// @notice Who is paid and has the seller's rights: the seller, or whoever holds the order's receivable. Where it
    /// is a party's name, that party's controller acts for it.
    function payeeOf(bytes32 order) external view returns (address);

    /// @notice What is credited and not yet collected, in the token's smallest unit.
    function creditOf(IERC20 token, address creditor) external view returns (uint256);

    /// @notice What an attestor's key signs.
    function attestationDigest(Attestation calldata attestation) external view returns (bytes32);

    /// @notice What buyer or payee signs.
    function divisionDigest(Division calldata division) external view returns (bytes32);

    /// @notice Where records have to be anchored.
    function eventLog() external view returns (IEventLog);

    /// @notice Who is who: the registry of the event log.
    function registry() external view returns (IPartyRegistry);

    /// @notice The contract of the receivables of this escrow's orders.
    function receivable() external view returns (IReceivable);
}
