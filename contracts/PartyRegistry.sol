// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {Standing} from "./Standing.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title PartyRegistry
/// @notice No owner, no upgrade, no pause. See IPartyRegistry for what it promises.
/// @dev This half holds the members, what they say of themselves, and their votes; Standing holds who stands for whom.
contract PartyRegistry is Standing {
    using EnumerableSet for EnumerableSet.AddressSet;

    // ---------------------------------------------------------------------------------------------------- storage

    uint256 public constant MEMBERS_MAX = 256;
    uint256 public constant NAME_BYTES_MAX = 120;
    uint256 public constant ENDPOINT_BYTES_MAX = 256;
    uint256 public constant ENCRYPTION_KEY_BYTES_MAX = 1280;

    uint64 public constant VOTING_TIME = 7 days;

    bytes32 public constant ADMISSION_TYPEHASH = keccak256("Admission(address party,bytes32 profileHash)");

    mapping(address party => Profile) private _profiles;
    mapping(string gln => address party) private _glns;
    EnumerableSet.AddressSet private _members;
    mapping(bytes32 id => Proposal) private _proposals;

    /// @inheritdoc IPartyRegistry
    mapping(bytes32 id => mapping(address member => bool)) public hasVoted;

    constructor(Founder[] memory founders) EIP712("PartyRegistry", "1") {
        if (founders.length == 0) revert NoFounders();
        for (uint256 i = 0; i < founders.length; ++i) {
            _checkAdmission(founders[i].account, founders[i].profile);
            _admit(founders[i].account, founders[i].profile);
        }
    }

    // ------------------------------------------------------------------------------------------- the party itself

    /// @inheritdoc IPartyRegistry
    function setEndpoint(string calldata endpoint) external {
        address party = _callersParty();
        _checkLength(bytes(endpoint).length, ENDPOINT_BYTES_MAX);

        _profiles[party].endpoint = endpoint;
        emit EndpointChanged(party, endpoint);
    }

    /// @inheritdoc IPartyRegistry
    function setEncryptionKey(bytes calldata encryptionKey) external {
        address party = _callersParty();
        _checkLength(encryptionKey.length, ENCRYPTION_KEY_BYTES_MAX);

        _profiles[party].encryptionKey = encryptionKey;
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

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IPartyRegistry
    function profileOf(address party) external view returns (Profile memory) {
        return _profiles[party];
    }

    /// @inheritdoc IPartyRegistry
    function partyOfGln(string calldata gln) external view returns (address) {
        return _glns[gln];
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
        // slither-disable-next-line unused-return
        _members.add(party);
        _glns[profile.gln] = party;
        _profiles[party] = profile;
        emit PartyAdmitted(party, profile, _next());
        _enter(party);
    }

    function _depart(address party, Status status) private {
        // slither-disable-next-line unused-return
        _members.remove(party);
        delete _glns[_profiles[party].gln];
        _exit(party, status);
    }

    function _changeGln(address party, string memory gln) private {
        Profile storage profile = _profiles[party];
        delete _glns[profile.gln];
        _glns[gln] = party;
        profile.gln = gln;
        emit GlnChanged(party, gln);
    }

    function _changeName(address party, string memory name) private {
        _profiles[party].name = name;
        emit NameChanged(party, name);
    }

    function _changeRoles(address party, uint32 roles) private {
        _profiles[party].roles = roles;
        emit RolesChanged(party, roles);
    }

    // ----------------------------------------------------------------------------------------------------- checks

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
