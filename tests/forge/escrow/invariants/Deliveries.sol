// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";

import {Character} from "../../Base.sol";
import {Model} from "../model/Model.sol";
import {Trade} from "./Trade.sol";

/// @dev What is delivered is recorded, anchored, attested, submitted late or twice, copied, withdrawn, taken back.
abstract contract Deliveries is Trade {
    /// @dev All that whoever submits an attestation holds, and what the model is told of it.
    struct Paper {
        IDeliveryEscrow.Attestation attestation;
        address attestor;
        address signer;
        bytes signature;
        IDeliveryEscrow.Evidence evidence;
        address recordSigner;
    }

    uint256 private constant DELIVERIES = 4;

    Paper[] private _papers;
    uint256 private _records;

    function attest(uint256 seed) public played(seed) {
        bytes32 order = anOrder(IDeliveryEscrow.State.Funded);
        if (isMissed(order, IDeliveryEscrow.State.Funded)) return;
        Paper memory paper = _write(order);
        _papers.push(paper);
        _submit("attest", somebody(), paper);
    }

    /// @dev Signed and anchored now, submitted some day.
    function prepare(uint256 seed) public played(seed) {
        _papers.push(_write(anOrder(IDeliveryEscrow.State.Funded)));
        ++done["prepare"];
    }

    /// @dev An earlier one, which has counted or not.
    function submit(uint256 seed) public played(seed) {
        if (_papers.length == 0) return;
        Paper memory paper = oneIn(4) ? _papers[roll(_papers.length)] : _pending();
        _submit("submit", paper.signature.length == 0 ? paper.signer : somebody(), paper);
    }

    /// @dev Another attestor says the very same, on a record of the same hash.
    function copy(uint256 seed) public played(seed) {
        if (_papers.length == 0) return;
        Paper memory paper = _papers[_papers.length - 1 - roll(_papers.length < 4 ? _papers.length : 4)];
        address attestor = _attestorOf(paper.attestation.order, paper.attestation.milestone);
        uint256 party = partyOf(attestor);
        _anchor(paper, scanners[party], oneIn(8));
        paper.attestor = attestor;
        _sign(paper, desks[party]);
        _papers.push(paper);
        _submit("copy", somebody(), paper);
    }

    function takeBack(uint256 seed) public played(seed) {
        if (_papers.length == 0) return;
        (Paper memory paper, bool stands) = _standing();
        if (!stands && !oneIn(8)) return;
        IDeliveryEscrow.Attestation memory attestation = paper.attestation;
        address caller = oneIn(10) ? somebody() : controllerOf(paper.attestor);
        play(
            "take back",
            caller,
            attestation.order,
            abi.encodeCall(IDeliveryEscrow.takeBack, (attestation.order, attestation.milestone, attestation.delivery)),
            abi.encodeCall(Model.takeBack, (caller, attestation.order, attestation.milestone, attestation.delivery))
        );
    }

    function withdraw(uint256 seed) public played(seed) {
        if (_papers.length == 0 || !oneIn(3)) return;
        Paper memory paper = _papers[roll(_papers.length)];
        address caller = controllerOf(paper.attestor);
        vm.prank(caller);
        eventLog.withdraw(paper.attestation.recordHash, "");
        ++done["withdraw"];
    }

    // -------------------------------------------------------------------------------------------------- submitting

    function _submit(string memory action, address caller, Paper memory paper) internal returns (bool) {
        return play(action, caller, paper.attestation.order, _call(paper), _modelCall(paper, caller));
    }

    function _call(Paper memory paper) internal pure returns (bytes memory) {
        return abi.encodeCall(IDeliveryEscrow.attest, (paper.attestation, paper.signature, paper.evidence));
    }

    function _modelCall(Paper memory paper, address caller) internal view returns (bytes memory) {
        address signer = paper.signature.length == 0 ? caller : paper.signer;
        (, uint64 anchoredAt,,) = eventLog.anchorOf(paper.evidence.root);
        address recordSigner = anchoredAt == 0 ? address(0) : paper.recordSigner;
        return abi.encodeCall(Model.attest, (signer, paper.attestation, recordSigner, anchoredAt));
    }

    // ----------------------------------------------------------------------------------------------------- writing

    /// @dev Mostly right, and mostly what the others say of the same delivery.
    function _write(bytes32 order) internal returns (Paper memory paper) {
        paper.attestation.order = order;
        _choose(paper);
        _state(paper);
        uint256 party = partyOf(paper.attestor);
        if (oneIn(12) && _papers.length > 0) {
            paper.attestation.recordHash = _papers[roll(_papers.length)].attestation.recordHash;
        } else {
            paper.attestation.recordHash = keccak256(abi.encode("record", ++_records));
        }
        _anchor(paper, oneIn(16) ? scanners[roll(PARTIES)] : scanners[party], oneIn(16));
        _sign(paper, _signer(party));
    }

    /// @dev A delivery that is not agreed and an attestor who has not attested it, where chance finds them.
    function _choose(Paper memory paper) private {
        bytes32 order = paper.attestation.order;
        for (uint256 i = 0; i < 6; ++i) {
            uint16 milestone = uint16(roll(model.milestoneCount(order)));
            bytes32 delivery = keccak256(abi.encode(order, milestone, roll(DELIVERIES)));
            paper.attestation.milestone = milestone;
            paper.attestation.delivery = delivery;
            paper.attestor = _attestorOf(order, milestone);
            (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(order, milestone);
            if (block.timestamp > uint256(terms.due) + terms.grace) continue;
            if (escrow.itemOf(order, milestone, 0).isEnded) continue;
            if (escrow.itemOf(order, milestone, delivery).exists) continue;
            if (!model.hasAttested(order, milestone, delivery, paper.attestor)) return;
        }
    }

    function _state(Paper memory paper) private {
        IDeliveryEscrow.Attestation memory attestation = paper.attestation;
        (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(attestation.order, attestation.milestone);
        uint256 plan = oneIn(12) ? roll(100) : uint256(attestation.delivery);
        uint128 ordered = terms.ordered;
        attestation.accepted =
            [ordered, ordered / 2 + 1, ordered / 3 + 1, 1, 0, type(uint128).max][oneIn(8) ? roll(6) : plan % 4];
        attestation.deductionBps = uint16([0, 300, 10_000, 65_535][(plan >> 8) % 4]);

        uint256 acceptedAt = escrow.orderOf(attestation.order).acceptedAt;
        uint256 when = block.timestamp + [0, 300, 0, 0][roll(4)] - (oneIn(2) ? roll(4 days) : 0);
        if (when < acceptedAt) when = acceptedAt;
        if (oneIn(16)) when = acceptedAt == 0 || oneIn(2) ? block.timestamp + 301 : acceptedAt - 1;
        attestation.happenedAt = uint64(when);
    }

    /// @dev A tree of two leaves, anchored in this second, or not at all.
    function _anchor(Paper memory paper, Character memory scanner, bool isForgotten) private {
        bytes32 recordHash = paper.attestation.recordHash;
        paper.evidence.signature = sign(scanner, recordHash);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(recordHash, paper.evidence.signature))));
        bytes32 other = keccak256(abi.encode("the other leaf", recordHash));
        paper.evidence.proof = new bytes32[](1);
        paper.evidence.proof[0] = other;
        paper.evidence.root = leaf < other ? keccak256(bytes.concat(leaf, other)) : keccak256(bytes.concat(other, leaf));
        paper.recordSigner = scanner.account;
        if (isForgotten) return;
        address operator = anchorer();
        vm.prank(operator);
        eventLog.anchor(paper.evidence.root, 2);
    }

    /// @dev The desk; or the controller; or, wrongly, the scanner, which stands for recording alone; or somebody.
    function _signer(uint256 party) private returns (Character memory signer) {
        uint256 who = roll(20);
        address account = desks[party].account;
        if (who == 0) account = controllerOf(names[party]);
        else if (who == 1) account = scanners[party].account;
        else if (who == 2) account = somebody();
        return Character(account, keys[account]);
    }

    function _sign(Paper memory paper, Character memory signer) private {
        paper.signer = signer.account;
        paper.signature = oneIn(8) ? bytes("") : sign(signer, escrow.attestationDigest(paper.attestation));
        if (paper.signature.length > 0 && oneIn(24)) {
            paper.signature = signHighS(signer, escrow.attestationDigest(paper.attestation));
            paper.signer = address(0);
        }
    }

    // -------------------------------------------------------------------------------------------------- attestors

    function partyOf(address name) internal view returns (uint256) {
        for (uint256 i = 0; i < PARTIES; ++i) {
            if (names[i] == name) return i;
        }
        revert("no party");
    }

    function _attestorOf(bytes32 order, uint16 milestone) private returns (address) {
        (IDeliveryEscrow.Milestone memory terms,,) = escrow.milestoneOf(order, milestone);
        (, address[] memory attestors,,) = model.termsOf(order);
        uint256 which = roll(attestors.length);
        while (terms.attestorMask >> which & 1 == 0 && !oneIn(32)) {
            which = (which + 1) % attestors.length;
        }
        return attestors[which];
    }

    /// @dev One that may still count, if chance finds such; first where the rest is disputed.
    function _pending() private returns (Paper memory paper) {
        for (uint256 i = 0; i < 16; ++i) {
            Paper memory other = _papers[roll(_papers.length)];
            IDeliveryEscrow.Attestation memory attestation = other.attestation;
            IDeliveryEscrow.Item memory rest = escrow.itemOf(attestation.order, attestation.milestone, 0);
            if (!rest.exists || rest.isEnded) continue;
            if (escrow.itemOf(attestation.order, attestation.milestone, attestation.delivery).exists) continue;
            if (model.hasAttested(attestation.order, attestation.milestone, attestation.delivery, other.attestor)) {
                continue;
            }
            paper = other;
            if (rest.isDisputed) return paper;
        }
        if (paper.attestor == address(0)) paper = _papers[roll(_papers.length)];
    }

    /// @dev A recent one, that stands if chance finds such.
    function _standing() private returns (Paper memory paper, bool stands) {
        for (uint256 i = 0; i < 8; ++i) {
            paper = _papers[roll(_papers.length)];
            IDeliveryEscrow.Attestation memory attestation = paper.attestation;
            if (escrow.orderOf(attestation.order).state != IDeliveryEscrow.State.Funded) continue;
            if (escrow.itemOf(attestation.order, attestation.milestone, attestation.delivery).exists) continue;
            if (model.hasAttested(attestation.order, attestation.milestone, attestation.delivery, paper.attestor)) {
                return (paper, true);
            }
        }
    }
}
