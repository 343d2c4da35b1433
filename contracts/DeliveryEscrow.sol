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
// `creditOf` is a public mapping, which slither does not count.
// slither-disable-next-line unimplemented-functions
contract DeliveryEscrow is Items, Multicall {
    // ---------------------------------------------------------------------------------------------------- storage

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

    bytes32 private constant FREE_AGAIN = bytes32(uint256(1));
    uint8 private constant USE_RECORD = 1;
    uint8 private constant USE_ATTEST = 2;

    /// @inheritdoc IDeliveryEscrow
    IEventLog public immutable eventLog;

    /// @dev The digest of the attestation that counts, by order, milestone, attestor and record: that a record counts
    /// once, and what is submitted again, are one question. FREE_AGAIN where it was taken back.
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
        Part storage part = _part(attestation.order, attestation.milestone);
        Milestone memory terms = _termsOf(part);
        bytes32 digest = attestationDigest(attestation);
        Attestor memory attestor = _attestorBehind(attestation, terms.attestorMask, digest, signature);
        if (_counted[attestor.place] == digest) return;
        if (!attestor.stands) revert NotAttestor(attestor.signer, address(0));
        uint8 attestedBy = _checkDeliverable(attestation, part);
        if (_isIn(attestedBy, attestor.index)) revert AlreadyAttested(attestor.party, attestation.delivery);
        _checkFree(attestor, digest, attestation.recordHash);
        _checkRecord(attestation, terms, attestor.party, evidence);

        _count(attestation, attestor, digest);
        (uint256 equal, uint64 happenedAt) = _equalTo(attestation, part, attestedBy, terms.deductionCapBps);
        if (attestation.accepted > 0 && equal >= terms.threshold) _agree(attestation, part, terms, happenedAt);
        else _keep(attestation, part, attestor.index);
    }

    /// @inheritdoc IDeliveryEscrow
    function takeBack(bytes32 order, uint16 milestone, bytes32 delivery) external nonReentrant {
        _checkState(order, State.Funded);
        Part storage part = _part(order, milestone);
        address party = registry.partyOfController(msg.sender);
        uint256 index = _indexOf(order, part.terms.attestorMask, msg.sender, party);
        Holding storage item = part.items[delivery];
        if (item.version != 0) revert AlreadyAgreed(order, milestone, delivery);
        if (!_isIn(item.attestedBy, index)) revert NothingToTakeBack(party, delivery);

        bytes32 recordHash = part.statements[delivery][index].recordHash;
        bytes32 place = _place(order, milestone, index, recordHash);
        _wasTakenBack[party][_counted[place]] = true;
        _counted[place] = FREE_AGAIN;
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

    // ------------------------------------------------------------------------------ whether an attestation counts

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

    /// @dev Only where something was taken back before, there is more to look at than one slot.
    function _checkFree(Attestor memory attestor, bytes32 digest, bytes32 recordHash) private view {
        bytes32 counted = _counted[attestor.place];
        if (counted == 0) return;
        if (_wasTakenBack[attestor.party][digest]) revert WasTakenBack(attestor.party, digest);
        if (counted != FREE_AGAIN) revert RecordCounted(recordHash);
    }

    /// @dev Reverts where the delivery can't be agreed any more. Answers whose attestations it has.
    function _checkDeliverable(Attestation calldata attestation, Part storage part) private view returns (uint8) {
        _checkState(attestation.order, State.Funded);
        if (attestation.delivery == REST) revert ZeroDelivery();
        if (part.items[REST].isEnded) revert RestEnded(attestation.order, attestation.milestone);
        Holding memory item = part.items[attestation.delivery];
        if (item.version != 0) {
            revert AlreadyAgreed(attestation.order, attestation.milestone, attestation.delivery);
        }
        return item.attestedBy;
    }

    function _checkRecord(
        Attestation calldata attestation,
        Milestone memory terms,
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
    function _equalTo(Attestation calldata attestation, Part storage part, uint8 attestedBy, uint16 deductionCapBps)
        private
        view
        returns (uint256 equal, uint64 happenedAt)
    {
        equal = 1;
        happenedAt = attestation.happenedAt;
        uint256 deductionBps = Math.min(attestation.deductionBps, deductionCapBps);
        for (uint256 i = 0; attestedBy >> i != 0; ++i) {
            if (!_isIn(attestedBy, i)) continue;
            Statement storage other = part.statements[attestation.delivery][i];
            if (other.accepted != attestation.accepted) continue;
            if (Math.min(other.deductionBps, deductionCapBps) != deductionBps) continue;
            // At most seven calls, to a contract of ours.
            // slither-disable-next-line calls-loop
            if (eventLog.withdrawnAt(_orders[attestation.order].attestors[i], other.recordHash) != 0) continue;
            ++equal;
            if (other.happenedAt < happenedAt) happenedAt = other.happenedAt;
        }
    }

    function _keep(Attestation calldata attestation, Part storage part, uint256 index) private {
        part.items[attestation.delivery].attestedBy |= uint8(1 << index);
        Statement storage statement = part.statements[attestation.delivery][index];
        statement.accepted = attestation.accepted;
        statement.happenedAt = attestation.happenedAt;
        statement.deductionBps = attestation.deductionBps;
        statement.recordHash = attestation.recordHash;
    }

    function _agree(Attestation calldata attestation, Part storage part, Milestone memory terms, uint64 happenedAt)
        private
    {
        Holding storage rest = part.items[REST];
        uint128 restHeld = rest.held;
        uint128 gross = _gross(part, terms, attestation.accepted, restHeld);
        if (gross > 0 && gross < restHeld) ++_orders[attestation.order].openItems;
        rest.held = restHeld - gross;
        ++rest.version;
        uint64 window = rest.isDisputed && terms.window < WINDOW_MIN ? WINDOW_MIN : terms.window;
        uint64 disputableUntil = uint64(block.timestamp) + window;
        uint16 reduction = _reduction(terms, happenedAt, attestation.deductionBps);

        Holding storage item = part.items[attestation.delivery];
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
    function _gross(Part storage part, Milestone memory terms, uint128 accepted, uint128 restHeld)
        private
        returns (uint128 gross)
    {
        uint256 total = Math.min(uint256(part.accepted) + accepted, type(uint128).max);
        uint256 worth = uint256(terms.amount) * Math.min(total, terms.ordered) / terms.ordered;
        uint128 untaken = part.untaken;
        gross = uint128(Math.min(worth - (terms.amount - untaken), restHeld));
        part.accepted = uint128(total);
        part.untaken = untaken - gross;
    }

    function _reduction(Milestone memory terms, uint64 happenedAt, uint16 deductionBps) private pure returns (uint16) {
        uint256 daysLate = happenedAt <= terms.due ? 0 : Math.ceilDiv(happenedAt - terms.due, 1 days);
        uint256 late = Math.min(daysLate * terms.lateBps, terms.lateCapBps);
        return uint16(Math.min(late + Math.min(deductionBps, terms.deductionCapBps), BPS));
    }

    // ------------------------------------------------------------------------------------------------------ places

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
