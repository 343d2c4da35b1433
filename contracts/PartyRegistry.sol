// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title PartyRegistry
/// @notice No owner, no upgrade, no pause. See IPartyRegistry for what it promises.
/// @dev Two clocks. "Now" is what holds in this block: who may act. "Next" is what will hold one second after it: what
/// changes are checked and counted against, so that two changes in one second can't pass where one of them must fail.
contract PartyRegistry is IPartyRegistry, EIP712 {
    using Checkpoints for Checkpoints.Trace208;
    using EnumerableSet for EnumerableSet.AddressSet;

    // ---------------------------------------------------------------------------------------------------- storage

    struct Party {
        /// @dev The next controller; `former` still is it until the second from which `controller` stands.
        address controller;
        address former;
        /// @dev Status by the second from which it holds.
        Checkpoints.Trace208 statuses;
        Profile profile;
    }

    uint256 public constant MEMBERS_MAX = 256;
    uint256 public constant NAME_BYTES_MAX = 120;
    uint256 public constant ENDPOINT_BYTES_MAX = 256;
    uint256 public constant ENCRYPTION_KEY_BYTES_MAX = 1280;

    uint64 public constant VOTING_TIME = 7 days;
    uint64 public constant NOTICE_TIME = 14 days;
    uint64 public constant EXECUTION_TIME = 30 days;

    bytes32 public constant CONSENT_TYPEHASH =
        keccak256("Consent(address party,address signer,uint8 uses,uint64 from,uint64 until)");
    bytes32 public constant ADMISSION_TYPEHASH = keccak256("Admission(address party,bytes32 profileHash)");

    uint8 private constant USES_ALL = 15;
    uint64 private constant FOREVER = type(uint64).max;

    mapping(address party => Party) private _parties;
    mapping(address account => Signer) private _signers;
    mapping(string gln => address party) private _glns;
    EnumerableSet.AddressSet private _members;

    /// @inheritdoc IPartyRegistry
    uint256 public activeCount;

    mapping(bytes32 id => Proposal) private _proposals;
    mapping(address party => Notice) private _notices;

    /// @inheritdoc IPartyRegistry
    mapping(bytes32 id => mapping(address member => bool)) public hasVoted;

    /// @inheritdoc IPartyRegistry
    mapping(address account => mapping(bytes32 digest => bool)) public hasApproved;

    constructor(Founder[] memory founders) EIP712("PartyRegistry", "1") {
        if (founders.length == 0) revert NoFounders();
        for (uint256 i = 0; i < founders.length; ++i) {
            _checkAdmission(founders[i].account, founders[i].profile);
            _admit(founders[i].account, founders[i].profile);
        }
    }

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
        if (_parties[party].controller == signer) revert IsController(signer);

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

    // ------------------------------------------------------------------------------------------- the party itself

    /// @inheritdoc IPartyRegistry
    function setEndpoint(string calldata endpoint) external {
        address party = _callersParty();
        _checkLength(bytes(endpoint).length, ENDPOINT_BYTES_MAX);

        _parties[party].profile.endpoint = endpoint;
        emit EndpointChanged(party, endpoint);
    }

    /// @inheritdoc IPartyRegistry
    function setEncryptionKey(bytes calldata encryptionKey) external {
        address party = _callersParty();
        _checkLength(encryptionKey.length, ENCRYPTION_KEY_BYTES_MAX);

        _parties[party].profile.encryptionKey = encryptionKey;
        emit EncryptionKeyChanged(party, encryptionKey);
    }

    /// @inheritdoc IPartyRegistry
    function leave() external {
        address party = _callersParty();
        _checkMayGo(party);

        _depart(party, Status.Left);
    }

    // ------------------------------------------------------------------------------------------------------ votes

    /// @inheritdoc IPartyRegistry
    function proposeAdmission(address candidate, Profile calldata profile, bytes calldata admission, uint256 nonce)
        external
        returns (bytes32 id)
    {
        _checkConsent(candidate, admissionDigest(candidate, profile), admission);
        return _propose(Kind.Admit, candidate, abi.encode(profile), nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeSuspension(address party, uint256 nonce) external returns (bytes32 id) {
        return _propose(Kind.Suspend, party, "", nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeReinstatement(address party, uint256 nonce) external returns (bytes32 id) {
        return _propose(Kind.Reinstate, party, "", nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeRemoval(address party, uint256 nonce) external returns (bytes32 id) {
        return _propose(Kind.Remove, party, "", nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeGln(address party, string calldata gln, uint256 nonce) external returns (bytes32 id) {
        return _propose(Kind.ChangeGln, party, abi.encode(gln), nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeName(address party, string calldata name, uint256 nonce) external returns (bytes32 id) {
        return _propose(Kind.ChangeName, party, abi.encode(name), nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeRoles(address party, uint32 roles, uint256 nonce) external returns (bytes32 id) {
        return _propose(Kind.ChangeRoles, party, abi.encode(roles), nonce);
    }

    /// @inheritdoc IPartyRegistry
    function proposeReplacement(address party, Change calldata change, bytes calldata consent, uint256 nonce)
        external
        returns (bytes32 id)
    {
        _checkConsent(change.next, consentDigest(party, change.next, USES_ALL, 0, FOREVER), consent);
        return _propose(Kind.ReplaceController, party, abi.encode(change), nonce);
    }

    /// @inheritdoc IPartyRegistry
    function vote(bytes32 id) external {
        address member = _callersActiveParty();
        Proposal storage proposal = _proposals[id];
        if (proposal.expiresAt == 0) revert UnknownProposal(id);
        if (proposal.isPassed) revert ProposalPassed(id);
        if (block.timestamp >= proposal.expiresAt) revert ProposalExpired(id, proposal.expiresAt);
        if (hasVoted[id][member]) revert AlreadyVoted(id, member);

        _vote(id, member);
    }

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
        address controller = _parties[party].controller;
        return block.timestamp >= _signers[controller].from ? controller : _parties[party].former;
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
    function profileOf(address party) external view returns (Profile memory) {
        return _parties[party].profile;
    }

    /// @inheritdoc IPartyRegistry
    function partyOfGln(string calldata gln) external view returns (address) {
        return _glns[gln];
    }

    /// @inheritdoc IPartyRegistry
    function signerOf(address account) external view returns (Signer memory) {
        return _signers[account];
    }

    /// @inheritdoc IPartyRegistry
    function members() external view returns (address[] memory) {
        return _members.values();
    }

    /// @inheritdoc IPartyRegistry
    function proposalOf(bytes32 id) external view returns (Proposal memory) {
        return _proposals[id];
    }

    /// @inheritdoc IPartyRegistry
    function noticeOf(address party) public view returns (Notice memory notice) {
        notice = _notices[party];
        if (block.timestamp >= notice.lapsesAt) delete notice;
    }

    /// @inheritdoc IPartyRegistry
    function consentDigest(address party, address signer, uint8 uses, uint64 from, uint64 until)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(CONSENT_TYPEHASH, party, signer, uses, from, until)));
    }

    /// @inheritdoc IPartyRegistry
    function admissionDigest(address party, Profile calldata profile) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ADMISSION_TYPEHASH, party, keccak256(abi.encode(profile)))));
    }

    // ---------------------------------------------------------------------------------------- voting, and what for

    function _propose(Kind kind, address party, bytes memory content, uint256 nonce) private returns (bytes32 id) {
        address member = _callersActiveParty();
        id = keccak256(abi.encode(kind, party, content, nonce));
        Proposal storage proposal = _proposals[id];
        if (proposal.expiresAt != 0) revert ProposalExists(id);
        _checkProposal(kind, party, content);

        proposal.kind = kind;
        proposal.party = party;
        proposal.expiresAt = uint64(block.timestamp) + VOTING_TIME;
        proposal.content = content;
        emit Proposed(id, member, party, kind, content, nonce, proposal.expiresAt);
        _vote(id, member);
    }

    function _vote(bytes32 id, address member) private {
        Proposal storage proposal = _proposals[id];
        hasVoted[id][member] = true;
        proposal.votes += 1;
        emit Voted(id, member);
        if (!_hasMajority(id, proposal.votes)) return;

        proposal.isPassed = true;
        emit Passed(id);
        _checkProposal(proposal.kind, proposal.party, proposal.content);
        _carryOut(proposal.kind, proposal.party, proposal.content);
    }

    /// @dev Votes of members who will not be active next count no more, so they are counted anew, but only once there
    /// are enough of them. The loop is bounded by MEMBERS_MAX, whoever came and went while the vote lasted.
    function _hasMajority(bytes32 id, uint256 votes) private view returns (bool) {
        uint256 missing = activeCount / 2 + 1;
        if (votes < missing) return false;
        uint256 count = _members.length();
        for (uint256 i = 0; i < count && missing > 0; ++i) {
            address member = _members.at(i);
            if (hasVoted[id][member] && _nextStatus(member) == Status.Active) --missing;
        }
        return missing == 0;
    }

    /// @dev Reverts where the proposal could not be carried out now, for the reason that a proposer can act on.
    function _checkProposal(Kind kind, address party, bytes memory content) private view {
        if (kind == Kind.Admit) {
            _checkAdmission(party, abi.decode(content, (Profile)));
            return;
        }
        _checkPresent(party);
        Status status = _nextStatus(party);
        if (kind == Kind.Suspend) {
            if (status != Status.Active) revert NotActive(party, status);
            _checkMayGo(party);
        } else if (kind == Kind.Reinstate) {
            if (status != Status.Suspended) revert NotSuspended(party, status);
        } else if (kind == Kind.Remove) {
            _checkMayGo(party);
        } else if (kind == Kind.ChangeGln) {
            _checkGln(abi.decode(content, (string)));
        } else if (kind == Kind.ChangeName) {
            _checkName(abi.decode(content, (string)));
        } else if (kind == Kind.ReplaceController) {
            Change memory change = abi.decode(content, (Change));
            _checkController(party, change.former);
            _checkFree(change.next);
        }
    }

    function _carryOut(Kind kind, address party, bytes memory content) private {
        if (kind == Kind.Admit) _admit(party, abi.decode(content, (Profile)));
        else if (kind == Kind.Suspend) _setStatus(party, Status.Suspended);
        else if (kind == Kind.Reinstate) _setStatus(party, Status.Active);
        else if (kind == Kind.Remove) _depart(party, Status.Removed);
        else if (kind == Kind.ChangeGln) _changeGln(party, abi.decode(content, (string)));
        else if (kind == Kind.ChangeName) _changeName(party, abi.decode(content, (string)));
        else if (kind == Kind.ChangeRoles) _changeRoles(party, abi.decode(content, (uint32)));
        else _notify(party, abi.decode(content, (Change)));
    }

    function _admit(address party, Profile memory profile) private {
        _members.add(party);
        _glns[profile.gln] = party;
        _parties[party].controller = party;
        _parties[party].profile = profile;
        emit PartyAdmitted(party, profile, _next());
        _stand(party, party, USES_ALL, _next(), FOREVER);
        _setStatus(party, Status.Active);
    }

    function _depart(address party, Status status) private {
        _members.remove(party);
        delete _glns[_parties[party].profile.gln];
        delete _notices[party];
        _setStatus(party, status);
    }

    function _setStatus(address party, Status status) private {
        if (_nextStatus(party) == Status.Active) --activeCount;
        if (status == Status.Active) ++activeCount;
        _parties[party].statuses.push(uint48(_next()), uint208(status));
        emit StatusChanged(party, status, _next());
    }

    function _changeGln(address party, string memory gln) private {
        Profile storage profile = _parties[party].profile;
        delete _glns[profile.gln];
        _glns[gln] = party;
        profile.gln = gln;
        emit GlnChanged(party, gln);
    }

    function _changeName(address party, string memory name) private {
        _parties[party].profile.name = name;
        emit NameChanged(party, name);
    }

    function _changeRoles(address party, uint32 roles) private {
        _parties[party].profile.roles = roles;
        emit RolesChanged(party, roles);
    }

    function _notify(address party, Change memory change) private {
        uint64 executableFrom = uint64(block.timestamp) + NOTICE_TIME;
        uint64 lapsesAt = executableFrom + EXECUTION_TIME;
        _notices[party] = Notice(change.next, executableFrom, lapsesAt, change.firstDisowned);
        emit ReplacementNotified(party, change.former, change.next, change.firstDisowned, executableFrom, lapsesAt);
    }

    // ------------------------------------------------------------------------------------------ addresses and time

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

    function _replaceController(address party, address next, uint64 firstDisowned) private {
        address former = _parties[party].controller;
        _parties[party].controller = next;
        _parties[party].former = former;
        delete _notices[party];
        _end(former, firstDisowned);
        _stand(next, party, USES_ALL, _next(), FOREVER);
        emit ControllerReplaced(party, former, next, _next(), firstDisowned);
    }

    function _next() private view returns (uint64) {
        return uint64(block.timestamp) + 1;
    }

    /// @dev `at` is not later than this block, which 48 bits hold for some millions of years.
    function _statusAt(address party, uint64 at) private view returns (Status) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Status(uint8(_parties[party].statuses.upperLookupRecent(uint48(at))));
    }

    function _nextStatus(address party) private view returns (Status) {
        return Status(uint8(_parties[party].statuses.latest()));
    }

    function _callersParty() private view returns (address party) {
        party = partyOfController(msg.sender);
        if (party == address(0)) revert NotController(msg.sender);
    }

    function _callersActiveParty() private view returns (address party) {
        party = _callersParty();
        Status status = _statusAt(party, uint64(block.timestamp));
        if (status != Status.Active) revert NotActive(party, status);
    }

    // ----------------------------------------------------------------------------------------------------- checks

    function _checkPresent(address party) private view {
        if (!_members.contains(party)) revert NotPresent(party, _nextStatus(party));
    }

    /// @dev A present party may go, or be suspended, where an active member remains.
    function _checkMayGo(address party) private view {
        _checkPresent(party);
        if (_nextStatus(party) == Status.Active && activeCount == 1) revert LastActiveMember(party);
    }

    function _checkController(address party, address expected) private view {
        address actual = _parties[party].controller;
        if (actual != expected) revert AnotherController(party, expected, actual);
    }

    function _checkFree(address account) private view {
        if (account == address(0)) revert ZeroAddress();
        address party = _signers[account].party;
        if (party != address(0)) revert AddressTaken(account, party);
    }

    function _checkConsent(address account, bytes32 digest, bytes calldata signature) private view {
        if (signature.length == 0 && hasApproved[account][digest]) return;
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure != ECDSA.RecoverError.NoError || signer != account) revert NoConsent(account, digest);
    }

    function _checkAdmission(address party, Profile memory profile) private view {
        _checkFree(party);
        if (_members.length() >= MEMBERS_MAX) revert TooManyMembers();
        _checkGln(profile.gln);
        _checkName(profile.name);
        _checkLength(bytes(profile.endpoint).length, ENDPOINT_BYTES_MAX);
        _checkLength(profile.encryptionKey.length, ENCRYPTION_KEY_BYTES_MAX);
    }

    function _checkName(string memory name) private pure {
        if (bytes(name).length == 0) revert EmptyName();
        _checkLength(bytes(name).length, NAME_BYTES_MAX);
    }

    function _checkLength(uint256 length, uint256 lengthMax) private pure {
        if (length > lengthMax) revert TooLong(length, lengthMax);
    }

    function _checkGln(string memory gln) private view {
        if (!_isGln(bytes(gln))) revert BadGln(gln);
        if (_glns[gln] != address(0)) revert GlnTaken(gln, _glns[gln]);
    }

    /// @dev 13 digits, weighted 1 and 3 in turn, sum to a multiple of ten (GS1 General Specifications, 7.9.1).
    function _isGln(bytes memory gln) private pure returns (bool) {
        if (gln.length != 13) return false;
        uint256 sum = 0;
        for (uint256 i = 0; i < 13; ++i) {
            uint8 digit = uint8(gln[i]);
            if (digit < 0x30 || digit > 0x39) return false;
            sum += (digit - 0x30) * (i % 2 == 0 ? 1 : 3);
        }
        return sum % 10 == 0;
    }
}
