// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPartyRegistry} from "./IPartyRegistry.sol";

/// @title What was recorded, and when
/// @notice Holds the roots of batches of signed records, each with the block time at which it first came, and
/// withdrawals of records. Events themselves never come on chain. A root proves "not later than"; nothing here proves
/// that an event is true, nor that there are no others.
/// @dev Signatures are EIP-712, domain name "Tallystick", version "1" (see `eip712Domain`, EIP-5267): this domain also
/// signs records and capture receipts, off chain. 65 bytes r ‖ s ‖ v, low s, v 27 or 28; any other is refused.
interface IEventLog {
    // ----------------------------------------------------------------------------------------------------- events

    /// @notice A root has come for the first time.
    /// @param index 1 for the first anchor, and so on without a gap
    /// @param operator the party that anchored it, through its key `signer`
    /// @param count how many records the operator says stand under the root; nothing relies on it
    /// @param timestamp block time
    /// @param head the head after this anchor
    event Anchored(
        bytes32 indexed root,
        address indexed operator,
        uint64 indexed index,
        address signer,
        uint32 count,
        uint64 timestamp,
        bytes32 head
    );

    /// @notice `party` has withdrawn its record. Means nothing for another party's record of the same hash.
    event Withdrawn(address indexed party, bytes32 indexed recordHash, address signer, uint64 timestamp);

    // ----------------------------------------------------------------------------------------------------- errors

    /// @notice There is no code at the registry's address.
    error NotAContract(address registry);

    /// @notice Zero is no root.
    error ZeroRoot();

    /// @notice `signer` does not stand for `use` (4 anchor, 8 withdraw) at this moment.
    error NotAuthorised(address signer, uint8 use);

    /// @notice Not 65 bytes, not low s, v neither 27 nor 28, or no key recovers from it.
    error BadSignature();

    // ---------------------------------------------------------------------------------------------------- actions

    /// @notice Anchors a root at this block's time. The caller's key stands for anchoring (use 4). A known root changes
    /// nothing and is a success, whoever comes: its first time is the one that counts.
    /// @param count how many records stand under it, a claim
    function anchor(bytes32 root, uint32 count) external;

    /// @notice Withdraws a record of the signer's party, for ever. The signer stands for withdrawing (use 8), or is its
    /// party's controller, suspended, removed or not. Anyone may submit it; a record that is withdrawn already keeps
    /// its first time, without revert.
    /// @dev The log does not know whose record it is: a withdrawal counts for records of the signer's party only.
    /// @param signature over `Withdrawal(bytes32 recordHash)`; empty where the caller itself withdraws, which is how a
    /// contract account does it
    function withdraw(bytes32 recordHash, bytes calldata signature) external;

    // ------------------------------------------------------------------------------------------------------ views

    /// @notice The anchor of a root; all zero where there is none.
    /// @return index 1 for the first
    /// @return timestamp block time at which the root first came
    /// @return count the operator's claim
    /// @return operator the party that anchored it, a claim that nothing relies on
    function anchorOf(bytes32 root)
        external
        view
        returns (uint64 index, uint64 timestamp, uint32 count, address operator);

    /// @notice When `party` withdrew the record; 0 means never.
    function withdrawnAt(address party, bytes32 recordHash) external view returns (uint64 timestamp);

    /// @notice The anchor time and the signer of a record, or (0, 0) where anything about it is wrong; never reverts.
    /// Says nothing of whom the signer stood for: ask the registry, for that time.
    /// @param signature the record's, exactly as it stands in the leaf
    /// @param proof siblings from leaf to root, at most 64
    function recordedAt(bytes32 recordHash, bytes calldata signature, bytes32[] calldata proof, bytes32 root)
        external
        view
        returns (uint64 timestamp, address signer);

    /// @notice The registry that says who may anchor and withdraw.
    function registry() external view returns (IPartyRegistry);

    /// @notice head_0 = 0, head_n = keccak256(abi.encode(head_{n-1}, root, timestamp)): whoever has compared two heads
    /// has compared every anchor before.
    function head() external view returns (bytes32);

    /// @notice How many roots are anchored, which is the index of the newest.
    function anchorCount() external view returns (uint64);
}
