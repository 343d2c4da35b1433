// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title Standing
/// @notice The half of PartyRegistry that says who stands for whom, and when: addresses, controllers, statuses. Whether
/// a status or a controller may change by vote is decided in the other half.
/// @dev Two clocks. "Now" is what holds in this block: who may act. "Next" is what will hold one second after it: what
/// changes are checked and counted against, so that two changes in one second can't pass where one of them must fail.
abstract contract Standing is IPartyRegistry, EIP712 {
    using Checkpoints for Checkpoints.Trace208;

    // ---------------------------------------------------------------------------------------------------- storage

    struct Control {
        /// @dev The next controller; `former` still is it until the second from which `controller` stands.
        address controller;
        address former;
        /// @dev Status by the second from which it holds.
        Checkpoints.Trace208 statuses;
    }

    uint64 public constant NOTICE_TIME = 14 days;
    uint64 public constant EXECUTION_TIME = 30 days;

    bytes32 public constant CONSENT_TYPEHASH =
        keccak256("Consent(address party,address signer,uint8 uses,uint64 from,uint64 until)");

    uint8 internal constant USES_ALL = 15;
    uint64 internal constant FOREVER = type(uint64).max;

    mapping(address account => Signer) private _signers;
    mapping(address party => Control) private _controls;
    mapping(address party => Notice) private _notices;

    /// @inheritdoc IPartyRegistry
    uint256 public activeCount;

    /// @inheritdoc IPartyRegistry
    mapping(address account => mapping(bytes32 digest => bool)) public hasApproved;

    // ------------------------------------------------------------------------------------------------------- keys

    /// @inheritdoc IPartyRegistry
    function authorise(address signer, uint8 uses, uint64 from, uint64 until, bytes calldata consent) external {
        address party = _callersParty();
        _checkPresent(party);
        if (uses == 0 || uses > USES_ALL) revert BadUses(uses);
        uint64 begin = from == 0 ? _next() : from;
        if (begin < _next()) revert FromTooEarly(from, _next());
        if (until <= begin) revert EmptyInterval(begin, until);
        _checkConsent(signer, consentDigest(party, signer, uses, from, until), consent);

        _stand(signer, party, uses, begin, until);
    }

    /// @inheritdoc IPartyRegistry
    function revoke(address signer, uint64 firstDisowned) external {
        address party = _callersParty();
        Signer storage standing = _signers[signer];
        if (standing.party != party) revert NotItsSigner(party, signer);
        if (_controls[party].controller == signer) revert IsController(signer);

        _end(signer, firstDisowned);
        emit SignerRevoked(party, signer, standing.until, firstDisowned);
    }

    /// @inheritdoc IPartyRegistry
    function replaceController(address next, uint64 firstDisowned, bytes calldata consent) external {
        address party = _callersParty();
        // Whoever has been replaced in this second still acts, but has nothing left to hand over.
        _checkController(party, msg.sender);
        _checkConsent(next, consentDigest(party, next, USES_ALL, 0, FOREVER), consent);

        _replaceController(party, next, firstDisowned);
    }

    /// @inheritdoc IPartyRegistry
    function approve(bytes32 digest) external {
        hasApproved[msg.sender][digest] = true;
        emit Approved(msg.sender, digest);
    }

    // ------------------------------------------------------------------------------------------ voted replacements

    /// @inheritdoc IPartyRegistry
    function object() external {
        address party = _callersParty();
        _checkController(party, msg.sender);
        Notice memory notice = noticeOf(party);
        if (notice.next == address(0)) revert NoNotice(party);

        delete _notices[party];
        emit ReplacementObjected(party, notice.next);
    }

    /// @inheritdoc IPartyRegistry
    function executeReplacement(address party) external {
        Notice memory notice = noticeOf(party);
        if (notice.next == address(0)) revert NoNotice(party);
        if (block.timestamp < notice.executableFrom) revert NoticeRunning(party, notice.executableFrom);

        _replaceController(party, notice.next, notice.firstDisowned);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IPartyRegistry
    function standingOf(address signer, uint8 use, uint64 at, uint64 sequence)
        external
        view
        returns (address party, bool disowned)
    {
        if (at > block.timestamp) revert TimeNotReached(at, uint64(block.timestamp));
        Signer storage standing = _signers[signer];
        if (use == 0 || (standing.uses & use) != use) return (address(0), false);
        if (at < standing.from || at >= standing.until) return (address(0), false);
        if (_statusAt(standing.party, at) != Status.Active) return (address(0), false);

        return (standing.party, standing.isEnded && sequence >= standing.firstDisowned);
    }

    /// @inheritdoc IPartyRegistry
    function controllerOf(address party) public view returns (address) {
        address controller = _controls[party].controller;
        return block.timestamp >= _signers[controller].from ? controller : _controls[party].former;
    }

    /// @inheritdoc IPartyRegistry
    function partyOfController(address account) public view returns (address) {
        address party = _signers[account].party;
        return party != address(0) && controllerOf(party) == account ? party : address(0);
    }

    /// @inheritdoc IPartyRegistry
    function statusOf(address party) external view returns (Status) {
        return _statusAt(party, uint64(block.timestamp));
    }

    /// @inheritdoc IPartyRegistry
    function signerOf(address account) external view returns (Signer memory) {
        return _signers[account];
    }

    /// @inheritdoc IPartyRegistry
    function noticeOf(address party) public view returns (Notice memory notice) {
        // Whoever collects for a party asks this: where there is none, one slot answers.
        if (block.timestamp < _notices[party].lapsesAt) notice = _notices[party];
    }

    /// @inheritdoc IPartyRegistry
    function consentDigest(address party, address signer, uint8 uses, uint64 from, uint64 until)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(CONSENT_TYPEHASH, party, signer, uses, from, until)));
    }

    // --------------------------------------------------------------------------------------- coming, staying, going

    function _enter(address party) internal {
        _controls[party].controller = party;
        _stand(party, party, USES_ALL, _next(), FOREVER);
        _setStatus(party, Status.Active);
    }

    function _exit(address party, Status status) internal {
        delete _notices[party];
        _setStatus(party, status);
    }

    function _setStatus(address party, Status status) internal {
        // In a loop for founders only, in the constructor.
        // slither-disable-start costly-loop
        if (_nextStatus(party) == Status.Active) --activeCount;
        if (status == Status.Active) ++activeCount;
        // slither-disable-end costly-loop
        // slither-disable-next-line unused-return
        _controls[party].statuses.push(uint48(_next()), uint208(status));
        emit StatusChanged(party, status, _next());
    }

    function _notify(address party, Change memory change) internal {
        uint64 executableFrom = uint64(block.timestamp) + NOTICE_TIME;
        uint64 lapsesAt = executableFrom + EXECUTION_TIME;
        _notices[party] = Notice(change.next, executableFrom, lapsesAt, change.firstDisowned);
        emit ReplacementNotified(party, change.former, change.next, change.firstDisowned, executableFrom, lapsesAt);
    }

    function _replaceController(address party, address next, uint64 firstDisowned) private {
        address former = _controls[party].controller;
        _controls[party].controller = next;
        _controls[party].former = former;
        delete _notices[party];
        _end(former, firstDisowned);
        _stand(next, party, USES_ALL, _next(), FOREVER);
        emit ControllerReplaced(party, former, next, _next(), firstDisowned);
    }

    /// @dev The only place where an address begins to stand: once, for ever.
    function _stand(address signer, address party, uint8 uses, uint64 from, uint64 until) private {
        _checkFree(signer);
        _signers[signer] = Signer(party, uses, from, false, until, 0);
        emit SignerAuthorised(party, signer, uses, from, until);
    }

    /// @dev The only place where an address ceases to stand before its time: once, for ever.
    function _end(address signer, uint64 firstDisowned) private {
        Signer storage standing = _signers[signer];
        if (standing.isEnded) revert AlreadyEnded(signer);
        standing.isEnded = true;
        standing.firstDisowned = firstDisowned;
        if (standing.until > _next()) standing.until = _next();
    }

    // ------------------------------------------------------------------------------------------------ now and next

    function _next() internal view returns (uint64) {
        return uint64(block.timestamp) + 1;
    }

    function _nextStatus(address party) internal view returns (Status) {
        return Status(uint8(_controls[party].statuses.latest()));
    }

    /// @dev `at` is not later than this block, which 48 bits hold for some millions of years.
    function _statusAt(address party, uint64 at) private view returns (Status) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Status(uint8(_controls[party].statuses.upperLookupRecent(uint48(at))));
    }

    function _callersParty() internal view returns (address party) {
        party = partyOfController(msg.sender);
        if (party == address(0)) revert NotController(msg.sender);
    }

    function _callersActiveParty() internal view returns (address party) {
        party = _callersParty();
        Status status = _statusAt(party, uint64(block.timestamp));
        if (status != Status.Active) revert NotActive(party, status);
    }

    // ----------------------------------------------------------------------------------------------------- checks

    function _checkPresent(address party) internal view {
        Status status = _nextStatus(party);
        if (status != Status.Active && status != Status.Suspended) revert NotPresent(party, status);
    }

    /// @dev A present party may go, or be suspended, where an active member remains.
    function _checkMayGo(address party) internal view {
        _checkPresent(party);
        if (_nextStatus(party) == Status.Active && activeCount == 1) revert LastActiveMember(party);
    }

    function _checkController(address party, address expected) internal view {
        address actual = _controls[party].controller;
        if (actual != expected) revert AnotherController(party, expected, actual);
    }

    function _checkFree(address account) internal view {
        if (account == address(0)) revert ZeroAddress();
        address party = _signers[account].party;
        if (party != address(0)) revert AddressTaken(account, party);
    }

    function _checkConsent(address account, bytes32 digest, bytes calldata signature) internal view {
        if (signature.length == 0 && hasApproved[account][digest]) return;
        // slither-disable-next-line unused-return
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure != ECDSA.RecoverError.NoError || signer != account) revert NoConsent(account, digest);
    }
}
