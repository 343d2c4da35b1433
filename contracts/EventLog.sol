// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {IEventLog} from "./interfaces/IEventLog.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title EventLog
/// @notice Append-only: no owner, no upgrade, no pause. See IEventLog for what it promises.
contract EventLog is IEventLog, EIP712 {
    // ---------------------------------------------------------------------------------------------------- storage

    struct Anchor {
        uint64 index;
        uint64 timestamp;
        uint32 count;
        address operator;
    }

    /// @dev A tree of 2^64 leaves: no batch comes near, and a verifier's loop ends (PROOF-FORMAT 5).
    uint256 public constant PROOF_STEPS_MAX = 64;
    bytes32 public constant WITHDRAWAL_TYPEHASH = keccak256("Withdrawal(bytes32 recordHash)");

    uint8 private constant USE_ANCHOR = 4;
    uint8 private constant USE_WITHDRAW = 8;

    /// @inheritdoc IEventLog
    IPartyRegistry public immutable registry;

    /// @inheritdoc IEventLog
    bytes32 public head;

    /// @inheritdoc IEventLog
    uint64 public anchorCount;

    /// @inheritdoc IEventLog
    mapping(bytes32 root => Anchor anchor) public anchorOf;

    /// @inheritdoc IEventLog
    mapping(address party => mapping(bytes32 recordHash => uint64 timestamp)) public withdrawnAt;

    constructor(IPartyRegistry registry_) EIP712("Tallystick", "1") {
        if (address(registry_).code.length == 0) revert NotAContract(address(registry_));
        registry = registry_;
    }

    // ---------------------------------------------------------------------------------------------------- actions

    /// @inheritdoc IEventLog
    function anchor(bytes32 root, uint32 count) external {
        // A known root comes first: whoever races another to it must not fail, authorised or not.
        if (anchorOf[root].index != 0) return;
        if (root == 0) revert ZeroRoot();

        uint64 timestamp = uint64(block.timestamp);
        // A root has no number of its own, so nothing of it can be disowned.
        // slither-disable-next-line unused-return
        (address operator,) = registry.standingOf(msg.sender, USE_ANCHOR, timestamp, 0);
        if (operator == address(0)) revert NotAuthorised(msg.sender, USE_ANCHOR);

        uint64 index = ++anchorCount;
        bytes32 newHead = keccak256(abi.encode(head, root, timestamp));
        head = newHead;
        anchorOf[root] = Anchor({index: index, timestamp: timestamp, count: count, operator: operator});
        emit Anchored(root, operator, index, msg.sender, count, timestamp, newHead);
    }

    /// @inheritdoc IEventLog
    function withdraw(bytes32 recordHash, bytes calldata signature) external {
        address signer = signature.length == 0
            ? msg.sender
            : _recover(_hashTypedDataV4(keccak256(abi.encode(WITHDRAWAL_TYPEHASH, recordHash))), signature);
        if (signer == address(0)) revert BadSignature();

        uint64 timestamp = uint64(block.timestamp);
        // The controller comes first: it withdraws also for a party that is suspended or gone, where no key stands.
        address party = registry.partyOfController(signer);
        // slither-disable-next-line unused-return
        if (party == address(0)) (party,) = registry.standingOf(signer, USE_WITHDRAW, timestamp, 0);
        if (party == address(0)) revert NotAuthorised(signer, USE_WITHDRAW);

        if (withdrawnAt[party][recordHash] != 0) return;
        withdrawnAt[party][recordHash] = timestamp;
        emit Withdrawn(party, recordHash, signer, timestamp);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IEventLog
    function recordedAt(bytes32 recordHash, bytes calldata signature, bytes32[] calldata proof, bytes32 root)
        external
        view
        returns (uint64 timestamp, address signer)
    {
        // Zero is what an unknown root has, and no other.
        // slither-disable-next-line incorrect-equality
        if (anchorOf[root].index == 0 || proof.length > PROOF_STEPS_MAX) return (0, address(0));

        // The double hash keeps an inner node from passing as a leaf (PROOF-FORMAT 3).
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(recordHash, signature))));
        if (!MerkleProof.verifyCalldata(proof, root, leaf)) return (0, address(0));

        signer = _recover(recordHash, signature);
        if (signer != address(0)) timestamp = anchorOf[root].timestamp;
    }

    /// @dev The signer, or zero for any signature that PROOF-FORMAT 1 does not allow.
    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address signer) {
        // tryRecover gives zero wherever it gives an error.
        // slither-disable-next-line unused-return
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }
}
