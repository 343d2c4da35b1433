// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Items} from "./Items.sol";
import {Orders} from "./Orders.sol";
import {IDeliveryEscrow} from "./interfaces/IDeliveryEscrow.sol";
import {IEventLog} from "./interfaces/IEventLog.sol";

/// @title DeliveryEscrow
/// @notice No owner, no upgrade, no pause. See IDeliveryEscrow for what it promises.
/// @dev In four parts, each a file: Credits (who is owed what), Orders (terms, until funded), Items (where money stands
/// and how it leaves), and this one, deliveries: what is attested, and what that makes of a milestone.
contract DeliveryEscrow is Items, Multicall {
    // ---------------------------------------------------------------------------------------------------- storage

    /// @dev An attestation on a delivery that is not agreed.
    struct Statement {
        uint128 accepted;
        uint64 happenedAt;
        uint16 deductionBps;
        bytes32 recordHash;
    }

    /// @dev Who states: a key, its party, that party's place among the order's attestors, and where an attestation of it
    /// on that record is noted.
    struct Attestor {
        address signer;
        address party;
        bool stands;
        uint256 index;
        bytes32 place;
    }

    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(bytes32 order,uint16 milestone,bytes32 delivery,bytes32 recordHash,uint64 happenedAt,uint128 accepted,uint16 deductionBps)"
    );
    /// @dev How far a device's clock may be ahead of the chain's (PROOF-FORMAT 6, step 8).
    uint64 private constant CLOCK_ERROR_MAX = 5 minutes;

    uint8 private constant USE_RECORD = 1;
    uint8 private constant USE_ATTEST = 2;

    /// @inheritdoc IDeliveryEscrow
    IEventLog public immutable eventLog;

    mapping(
        bytes32 order
            => mapping(uint16 milestone => mapping(bytes32 delivery => mapping(uint256 attestor => Statement)))
    ) private _statements;
    /// @dev The digest of the attestation that counts, by order, milestone, attestor and record: that a record counts
    /// once, and what is submitted again, are one question.
    mapping(bytes32 place => bytes32 digest) private _counted;
    mapping(address attestor => mapping(bytes32 digest => bool)) private _wasTakenBack;

    constructor(IEventLog eventLog_) EIP712("DeliveryEscrow", "1") Orders(eventLog_.registry()) {
        eventLog = eventLog_;
    }

    // ------------------------------------------------------------------------------------------------- deliveries

    /// @inheritdoc IDeliveryEscrow
    function attest(Attestation calldata attestation, bytes calldata signature, Evidence calldata evidence)
        external
        nonReentrant
    {
        Milestone storage terms = _terms(attestation.order, attestation.milestone);
        bytes32 digest = attestationDigest(attestation);
        Attestor memory attestor = _attestorBehind(attestation, terms.attestorMask, digest, signature);
        if (_counted[attestor.place] == digest) return;
        if (!attestor.stands) revert NotAttestor(attestor.signer, address(0));
        Holding storage item = _deliverable(attestation.order, attestation.milestone, attestation.delivery);
        if (_wasTakenBack[attestor.party][digest]) revert WasTakenBack(attestor.party, digest);
        if (_counted[attestor.place] != 0) revert RecordCounted(attestation.recordHash);
        if (_isIn(item.attestedBy, attestor.index)) revert AlreadyAttested(attestor.party, attestation.delivery);
        _checkRecord(attestation, terms, attestor.party, evidence);

        _count(attestation, attestor, digest);
        (uint256 equal, uint64 happenedAt) = _equalTo(attestation, item.attestedBy, terms.deductionCapBps);
        if (attestation.accepted > 0 && equal >= terms.threshold) {
            _agree(attestation, item, terms, happenedAt);
        } else {
            _keep(attestation, attestor.index);
            item.attestedBy |= uint8(1 << attestor.index);
        }
    }

    /// @inheritdoc IDeliveryEscrow
    function takeBack(bytes32 order, uint16 milestone, bytes32 delivery) external nonReentrant {
        _checkState(order, State.Funded);
        address party = registry.partyOfController(msg.sender);
        uint256 index = _indexOf(order, _terms(order, milestone).attestorMask, msg.sender, party);
        Holding storage item = _holding(order, milestone, delivery);
        if (item.version != 0) revert AlreadyAgreed(order, milestone, delivery);
        if (!_isIn(item.attestedBy, index)) revert NothingToTakeBack(party, delivery);

        Statement storage statement = _statement(order, milestone, delivery, index);
        bytes32 recordHash = statement.recordHash;
        bytes32 place = _place(order, milestone, index, recordHash);
        _wasTakenBack[party][_counted[place]] = true;
        delete _counted[place];
        item.attestedBy ^= uint8(1 << index);
        _change(_orders[order]);
        emit AttestationTakenBack(order, milestone, delivery, party, recordHash);
    }

    /// @inheritdoc IDeliveryEscrow
    function multicall(bytes[] calldata data)
        public
        override(IDeliveryEscrow, Multicall)
        returns (bytes[] memory results)
    {
        return super.multicall(data);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IDeliveryEscrow
    function attestationDigest(Attestation calldata attestation) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ATTESTATION_TYPEHASH, attestation)));
    }

    // ------------------------------------------------------------------------------------- whether an attestation counts

    /// @dev Also for a key that has ended: what it stated while it stood has counted. The digest does not name the
    /// attestor, so another one that states the same on a record of its own is another attestor here.
    function _attestorBehind(Attestation calldata attestation, uint8 mask, bytes32 digest, bytes calldata signature)
        private
        view
        returns (Attestor memory attestor)
    {
        attestor.signer = msg.sender;
        // tryRecover gives zero wherever it gives an error.
        // slither-disable-next-line unused-return
        if (signature.length != 0) (attestor.signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (attestor.signer == address(0)) revert BadSignature();
        // An attestation has no number of its own, so nothing of it can be disowned.
        // slither-disable-next-line unused-return
        (attestor.party,) = registry.standingOf(attestor.signer, USE_ATTEST, uint64(block.timestamp), 0);
        attestor.stands = attestor.party != address(0);
        if (!attestor.stands) attestor.party = registry.signerOf(attestor.signer).party;
        attestor.index = _indexOf(attestation.order, mask, attestor.signer, attestor.party);
        attestor.place = _place(attestation.order, attestation.milestone, attestor.index, attestation.recordHash);
    }

    /// @dev The place of a delivery's item, where it may still be agreed.
    function _deliverable(bytes32 order, uint16 milestone, bytes32 delivery)
        private
        view
        returns (Holding storage item)
    {
        _checkState(order, State.Funded);
        if (delivery == REST) revert ZeroDelivery();
        if (_holding(order, milestone, REST).isEnded) revert RestEnded(order, milestone);
        item = _holding(order, milestone, delivery);
        if (item.version != 0) revert AlreadyAgreed(order, milestone, delivery);
    }

    function _checkRecord(
        Attestation calldata attestation,
        Milestone storage terms,
        address attestor,
        Evidence calldata evidence
    ) private view {
        bytes32 recordHash = attestation.recordHash;
        (uint64 anchoredAt, address signer) =
            eventLog.recordedAt(recordHash, evidence.signature, evidence.proof, evidence.root);
        if (anchoredAt == 0) revert NotRecorded(recordHash, evidence.root);
        // Of the record it sees the hash alone, not its number: whether that is disowned, it can't ask.
        // slither-disable-next-line unused-return
        (address party,) = registry.standingOf(signer, USE_RECORD, anchoredAt, 0);
        if (party != attestor) revert NotItsRecord(attestor, recordHash, signer);
        uint64 withdrawnAt = eventLog.withdrawnAt(attestor, recordHash);
        if (withdrawnAt != 0) revert RecordWithdrawn(recordHash, withdrawnAt);

        uint64 until = terms.due + terms.grace;
        if (anchoredAt > until) revert AnchoredTooLate(anchoredAt, until);
        uint64 acceptedAt = _orders[attestation.order].acceptedAt;
        if (attestation.happenedAt < acceptedAt || attestation.happenedAt > anchoredAt + CLOCK_ERROR_MAX) {
            revert BadHappenedAt(attestation.happenedAt, acceptedAt, anchoredAt + CLOCK_ERROR_MAX);
        }
    }

    // -------------------------------------------------------------------------------------------- what comes of it

    function _count(Attestation calldata attestation, Attestor memory attestor, bytes32 digest) private {
        _counted[attestor.place] = digest;
        _change(_orders[attestation.order]);
        emit Attested(
            attestation.order,
            attestation.milestone,
            attestation.delivery,
            attestor.party,
            attestor.signer,
            attestation.recordHash,
            attestation.happenedAt,
            attestation.accepted,
            attestation.deductionBps
        );
    }

    /// @dev How many attestations on the delivery now state the same, this one included, and the earliest time among
    /// them. One whose record is withdrawn by now states nothing.
    function _equalTo(Attestation calldata attestation, uint8 attestedBy, uint16 deductionCapBps)
        private
        view
        returns (uint256 equal, uint64 happenedAt)
    {
        equal = 1;
        happenedAt = attestation.happenedAt;
        uint256 deductionBps = Math.min(attestation.deductionBps, deductionCapBps);
        for (uint256 i = 0; attestedBy >> i != 0; ++i) {
            if (!_isIn(attestedBy, i)) continue;
            Statement storage other = _statement(attestation.order, attestation.milestone, attestation.delivery, i);
            if (other.accepted != attestation.accepted) continue;
            if (Math.min(other.deductionBps, deductionCapBps) != deductionBps) continue;
            // At most seven calls, to a contract of ours.
            // slither-disable-next-line calls-loop
            if (eventLog.withdrawnAt(_orders[attestation.order].attestors[i], other.recordHash) != 0) continue;
            ++equal;
            if (other.happenedAt < happenedAt) happenedAt = other.happenedAt;
        }
    }

    function _keep(Attestation calldata attestation, uint256 index) private {
        Statement storage statement = _statement(attestation.order, attestation.milestone, attestation.delivery, index);
        statement.accepted = attestation.accepted;
        statement.happenedAt = attestation.happenedAt;
        statement.deductionBps = attestation.deductionBps;
        statement.recordHash = attestation.recordHash;
    }

    function _agree(Attestation calldata attestation, Holding storage item, Milestone storage terms, uint64 happenedAt)
        private
    {
        Holding storage rest = _holding(attestation.order, attestation.milestone, REST);
        uint128 gross =
            _gross(_progress[attestation.order][attestation.milestone], terms, attestation.accepted, rest.held);
        if (gross > 0 && gross < rest.held) ++_orders[attestation.order].openItems;
        rest.held -= gross;
        ++rest.version;
        uint64 window = terms.window;
        if (rest.isDisputed && window < WINDOW_MIN) window = WINDOW_MIN;
        uint16 reduction = _reduction(terms, happenedAt, attestation.deductionBps);
        uint64 disputableUntil = uint64(block.timestamp) + window;

        item.held = gross;
        item.disputableUntil = uint40(disputableUntil);
        item.version = 1;
        item.reduction = reduction;
        emit DeliveryAgreed(
            attestation.order,
            attestation.milestone,
            attestation.delivery,
            attestation.accepted,
            gross,
            reduction,
            disputableUntil
        );
    }

    /// @dev What leaves the rest for a delivery: what all deliveries up to this one are worth, less what the earlier
    /// ones took. So it does not matter into how many parts a delivery is cut.
    function _gross(Progress storage progress, Milestone storage terms, uint128 accepted, uint128 held)
        private
        returns (uint128 gross)
    {
        uint256 total = Math.min(uint256(progress.accepted) + accepted, type(uint128).max);
        uint256 worth = uint256(terms.amount) * Math.min(total, terms.ordered) / terms.ordered;
        uint128 untaken = progress.untaken;
        gross = uint128(Math.min(worth - (terms.amount - untaken), held));
        progress.accepted = uint128(total);
        progress.untaken = untaken - gross;
    }

    function _reduction(Milestone storage terms, uint64 happenedAt, uint16 deductionBps) private view returns (uint16) {
        uint256 daysLate = happenedAt <= terms.due ? 0 : Math.ceilDiv(happenedAt - terms.due, 1 days);
        uint256 late = Math.min(daysLate * terms.lateBps, terms.lateCapBps);
        return uint16(Math.min(late + Math.min(deductionBps, terms.deductionCapBps), BPS));
    }

    // ------------------------------------------------------------------------------------------------------ places

    function _statement(bytes32 order, uint16 milestone, bytes32 delivery, uint256 attestor)
        private
        view
        returns (Statement storage)
    {
        return _statements[order][milestone][delivery][attestor];
    }

    function _place(bytes32 order, uint16 milestone, uint256 attestor, bytes32 recordHash)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(order, milestone, attestor, recordHash));
    }

    function _indexOf(bytes32 order, uint8 mask, address signer, address party) private view returns (uint256 index) {
        for (; mask >> index != 0; ++index) {
            if (_isIn(mask, index) && _orders[order].attestors[index] == party) return index;
        }
        revert NotAttestor(signer, party);
    }

    function _isIn(uint8 mask, uint256 index) private pure returns (bool) {
        return mask >> index & 1 == 1;
    }
}
