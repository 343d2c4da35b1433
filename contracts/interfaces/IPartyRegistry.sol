// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who is who in the consortium, with nobody in charge
/// @notice A party is an organisation. Its permanent name is the address of its first account. Its controller (one
/// account, replaceable) acts for it everywhere; further keys (a plant, a device, a clerk) stand for it for some uses
/// and some time. Members admit, suspend and remove each other by a majority of the active ones.
/// @dev What changes who stands for whom takes effect one second after its block, so that an answer about the past
/// never changes, also where several blocks share a second. `disowned` alone looks back: that is what it is for.
/// The members that count in a vote, and the last active one, are counted as they will be one second after the block.
///
/// Signatures are EIP-712, domain name "PartyRegistry", version "1" (see `eip712Domain`, EIP-5267), 65 bytes with low
/// s and v 27 or 28. A contract account acts by calling: it calls `approve` with the digest and the signature is empty.
interface IPartyRegistry {
    // ------------------------------------------------------------------------------------------------------ types

    /// @notice Where a party stands. Removed and Left are final: its name never comes back, its GLN is free.
    enum Status {
        None,
        Active,
        Suspended,
        Removed,
        Left
    }

    /// @notice What members vote on.
    enum Kind {
        Admit,
        Suspend,
        Reinstate,
        Remove,
        ChangeGln,
        ChangeName,
        ChangeRoles,
        ReplaceController
    }

    /// @notice What a party says of itself.
    /// @param gln GS1 Global Location Number, 13 digits with a valid check digit, unique among present parties
    /// @param name legal name, UTF-8, 1 to 120 bytes
    /// @param roles bit set: 1 supplier, 2 manufacturer, 4 carrier, 8 retailer, 16 inspector, 32 financier, 64 auditor,
    /// 128 operator. No contract looks at it
    /// @param endpoint URL of the party's node, at most 256 bytes, may be empty
    /// @param encryptionKey public key under which others seal documents for the party, at most 1,280 bytes (32 for
    /// X25519, 1,216 for a hybrid with ML-KEM-768), may be empty
    struct Profile {
        string gln;
        string name;
        uint32 roles;
        string endpoint;
        bytes encryptionKey;
    }

    /// @notice A member from the first day.
    /// @param account its name for ever, and its first controller
    struct Founder {
        address account;
        Profile profile;
    }

    /// @notice What an address stands for: `party`, for `uses`, at t if from <= t < until and the party is active at t.
    /// @param uses bit set: 1 record, 2 attest, 4 anchor, 8 withdraw
    /// @param isEnded true once revoked, or replaced as a controller
    /// @param firstDisowned where isEnded: this sequence number and later ones are not the party's own
    struct Signer {
        address party;
        uint8 uses;
        uint64 from;
        bool isEnded;
        uint64 until;
        uint64 firstDisowned;
    }

    /// @notice A proposal and its vote.
    /// @param content the new GLN, name or roles, the candidate's Profile, or a Change; abi.encode'd; empty for others
    /// @param votes how many have voted for it, also those who have ceased to be active
    struct Proposal {
        Kind kind;
        address party;
        uint64 expiresAt;
        uint16 votes;
        bool isPassed;
        bytes content;
    }

    /// @notice Content of a proposal to replace a controller.
    /// @param former the controller to be replaced: where it is another one by then, the vote doesn't pass
    /// @param next the new controller, which has consented
    /// @param firstDisowned the first sequence number of `former` that is not the party's own
    struct Change {
        address former;
        address next;
        uint64 firstDisowned;
    }

    /// @notice A voted replacement under notice: executable by anyone at t if executableFrom <= t < lapsesAt.
    struct Notice {
        address next;
        uint64 executableFrom;
        uint64 lapsesAt;
        uint64 firstDisowned;
    }

    // ----------------------------------------------------------------------------------------------------- events

    /// @notice A party has come in, by foundation or by vote; its account is its controller from `from` on.
    event PartyAdmitted(address indexed party, Profile profile, uint64 from);

    /// @notice A party is suspended, reinstated, removed or has left, from `from` on.
    event StatusChanged(address indexed party, Status status, uint64 from);

    /// @notice By vote, at once. A GLN given up is free.
    event GlnChanged(address indexed party, string gln);

    /// @notice By vote, at once.
    event NameChanged(address indexed party, string name);

    /// @notice By vote, at once.
    event RolesChanged(address indexed party, uint32 roles);

    /// @notice By the party itself, at once.
    event EndpointChanged(address indexed party, string endpoint);

    /// @notice By the party itself, at once.
    event EncryptionKeyChanged(address indexed party, bytes encryptionKey);

    /// @notice `signer` stands for `party` at t if from <= t < until.
    event SignerAuthorised(address indexed party, address indexed signer, uint8 uses, uint64 from, uint64 until);

    /// @notice A key has ended at `until`; its sequence numbers from `firstDisowned` on are not the party's own.
    event SignerRevoked(address indexed party, address indexed signer, uint64 until, uint64 firstDisowned);

    /// @notice From `from` on `next` is the controller, for every use; until then `former` is, and never again.
    event ControllerReplaced(
        address indexed party, address indexed former, address indexed next, uint64 from, uint64 firstDisowned
    );

    /// @notice Members have voted to replace the controller; it may object. Takes the place of an earlier notice.
    event ReplacementNotified(
        address indexed party,
        address indexed former,
        address indexed next,
        uint64 firstDisowned,
        uint64 executableFrom,
        uint64 lapsesAt
    );

    /// @notice The controller has objected: the replacement will not take place.
    event ReplacementObjected(address indexed party, address indexed next);

    /// @notice `proposer` proposes, and by that votes for it.
    event Proposed(
        bytes32 indexed id,
        address indexed proposer,
        address indexed party,
        Kind kind,
        bytes content,
        uint256 nonce,
        uint64 expiresAt
    );

    /// @notice A member votes for a proposal; there are no votes against.
    event Voted(bytes32 indexed id, address indexed member);

    /// @notice The proposal has its majority and has been carried out (a replacement: is under notice).
    event Passed(bytes32 indexed id);

    /// @notice `account` has consented by calling.
    event Approved(address indexed account, bytes32 indexed digest);

    // ----------------------------------------------------------------------------------------------------- errors

    /// @notice A consortium has at least one founder.
    error NoFounders();

    /// @notice There are 256 members already.
    error TooManyMembers();

    /// @notice The zero address stands for nobody.
    error ZeroAddress();

    /// @notice The address stands or has stood for `party`; each address stands at most once, for ever.
    error AddressTaken(address account, address party);

    /// @notice `account` has neither signed nor approved `digest`.
    error NoConsent(address account, bytes32 digest);

    /// @notice Not 13 digits, or its check digit is wrong.
    error BadGln(string gln);

    /// @notice A GLN names one present party.
    error GlnTaken(string gln, address party);

    /// @notice A party has a legal name.
    error EmptyName();

    /// @notice What is stored is bounded; lengths are in bytes.
    error TooLong(uint256 length, uint256 lengthMax);

    /// @notice The caller is no party's controller at this moment.
    error NotController(address caller);

    /// @notice The party is not active, or will not be in the next second.
    error NotActive(address party, Status status);

    /// @notice Only a suspended party is reinstated.
    error NotSuspended(address party, Status status);

    /// @notice The party is unknown, removed or departed: no vote concerns it, and nobody is authorised for it.
    error NotPresent(address party, Status status);

    /// @notice Without its last active member nobody could ever vote again.
    error LastActiveMember(address party);

    /// @notice Uses are 1 to 15, a sum of 1 record, 2 attest, 4 anchor, 8 withdraw.
    error BadUses(uint8 uses);

    /// @notice Authorisation is never retroactive: give 0, or a time from `earliest` on.
    error FromTooEarly(uint64 from, uint64 earliest);

    /// @notice The key would never stand.
    error EmptyInterval(uint64 from, uint64 until);

    /// @notice The key is not one of the caller's party.
    error NotItsSigner(address party, address signer);

    /// @notice A controller can't be revoked, only replaced.
    error IsController(address signer);

    /// @notice The key was revoked, or replaced as a controller, before; it ends once.
    error AlreadyEnded(address signer);

    /// @notice The same content was proposed with the same nonce before: take another nonce.
    error ProposalExists(bytes32 id);

    /// @notice Nobody has proposed this.
    error UnknownProposal(bytes32 id);

    /// @notice A proposal can be voted for during 7 days: propose it again.
    error ProposalExpired(bytes32 id, uint64 expiresAt);

    /// @notice It has its majority already.
    error ProposalPassed(bytes32 id);

    /// @notice A member has one vote, and the proposer's is cast.
    error AlreadyVoted(bytes32 id, address member);

    /// @notice The party's controller is (or will be in the next second) `actual`, not `expected`.
    error AnotherController(address party, address expected, address actual);

    /// @notice No replacement of the party's controller has been voted, or it has lapsed or been objected to.
    error NoNotice(address party);

    /// @notice The controller may still object until then.
    error NoticeRunning(address party, uint64 executableFrom);

    /// @notice An answer about a time after this block could still change.
    error TimeNotReached(uint64 at, uint64 blockTime);

    // ------------------------------------------------------------------------------------------------------- keys

    /// @notice Lets `signer` stand for the caller's party. The caller is the controller of a present party.
    /// @param uses 1 record, 2 attest, 4 anchor, 8 withdraw, or a sum of these. Give a scanner 1
    /// @param from first second at which it stands; 0 means one second after this block, an earlier time is refused
    /// @param until first second at which it stands no more
    /// @param consent the signer's signature over
    /// `Consent(address party,address signer,uint8 uses,uint64 from,uint64 until)` with the very values given here
    /// (`from` 0 stays 0), or empty where the signer has approved that digest
    function authorise(address signer, uint8 uses, uint64 from, uint64 until, bytes calldata consent) external;

    /// @notice Ends a key of the caller's party one second after this block, for ever, and disowns the numbers that
    /// others have used it for. Once a key; also one that has expired or not begun; also while suspended, also after
    /// having left. It undoes no payment.
    /// @param firstDisowned the first sequence number that is not the party's own; the greatest uint64 where all are
    function revoke(address signer, uint64 firstDisowned) external;

    /// @notice Hands the caller's party over to `next`, one second after this block. A voted replacement lapses.
    /// Also while suspended, also after having left.
    /// @param firstDisowned the caller's first sequence number that is not the party's own
    /// @param consent the new controller's `Consent` with uses 15, from 0 and until 2^64-1, signed or approved
    function replaceController(address next, uint64 firstDisowned, bytes calldata consent) external;

    /// @notice Consents by calling, for accounts that can't sign (see `consentDigest` and `admissionDigest`).
    function approve(bytes32 digest) external;

    // ------------------------------------------------------------------------------------------- the party itself

    /// @notice Changes the URL of the node of the caller's party.
    function setEndpoint(string calldata endpoint) external;

    /// @notice Changes the key under which others seal documents for the caller's party.
    function setEncryptionKey(bytes calldata encryptionKey) external;

    /// @notice Takes the caller's party out, one second after this block, for ever. Its controller stays.
    function leave() external;

    // ------------------------------------------------------------------------------------------------------ votes

    // The caller is the controller of an active party and votes by proposing. A proposal's id is
    // keccak256(abi.encode(kind, party, content, nonce)): whoever votes for an id votes for that content. What could
    // not be carried out now is refused at once, and again when the deciding vote comes.

    /// @notice Proposes a new party.
    /// @param candidate its name and first controller; an address that never stood for anyone
    /// @param admission the candidate's signature over `Admission(address party,bytes32 profileHash)`, profileHash =
    /// keccak256(abi.encode(profile)), or empty where the candidate has approved that digest
    function proposeAdmission(address candidate, Profile calldata profile, bytes calldata admission, uint256 nonce)
        external
        returns (bytes32 id);

    /// @notice Proposes to suspend: the party stops recording, anchoring, attesting, proposing and voting. Its
    /// controller still revokes, replaces itself, objects, withdraws records and leaves.
    function proposeSuspension(address party, uint256 nonce) external returns (bytes32 id);

    /// @notice Proposes to end a suspension.
    function proposeReinstatement(address party, uint256 nonce) external returns (bytes32 id);

    /// @notice Proposes to remove a party for ever.
    function proposeRemoval(address party, uint256 nonce) external returns (bytes32 id);

    /// @notice Proposes another GLN for a party: 13 digits, valid check digit, held by no present party.
    function proposeGln(address party, string calldata gln, uint256 nonce) external returns (bytes32 id);

    /// @notice Proposes another legal name for a party, 1 to 120 bytes of UTF-8.
    function proposeName(address party, string calldata name, uint256 nonce) external returns (bytes32 id);

    /// @notice Proposes other roles for a party, a bit set as in Profile.
    function proposeRoles(address party, uint32 roles, uint256 nonce) external returns (bytes32 id);

    /// @notice Proposes a new controller for a party that has lost its key. Once voted, the present controller has 14
    /// days to object; after that anyone executes it within 30 days. Whoever holds the key therefore wins over the
    /// vote: a stolen key is answered by suspending the party and admitting a new one.
    /// @param consent the new controller's `Consent`, as in `replaceController`
    function proposeReplacement(address party, Change calldata change, bytes calldata consent, uint256 nonce)
        external
        returns (bytes32 id);

    /// @notice Votes for a proposal. It passes, and is carried out, with the vote that makes the votes of active
    /// members more than half of the active members.
    function vote(bytes32 id) external;

    /// @notice Objects to the replacement of the caller as controller, at any time before it is executed.
    function object() external;

    /// @notice Executes a voted replacement whose notice has ended. Anyone may.
    function executeReplacement(address party) external;

    // ------------------------------------------------------------------------------------------------------ views

    /// @notice The party for which `signer` stood for `use` at time `at`; zero where there was none, or its party was
    /// not active then. Reverts for a time after this block's.
    /// @param use 1 record, 2 attest, 4 anchor, 8 withdraw (a sum asks for all of them, 0 for nothing)
    /// @param sequence the number in question
    /// @return party its permanent name
    /// @return disowned true where the party, ending the key, declared `sequence` or a lower number not its own
    function standingOf(address signer, uint8 use, uint64 at, uint64 sequence)
        external
        view
        returns (address party, bool disowned);

    /// @notice The account that acts for the party at this moment, active or not; zero for an unknown party.
    function controllerOf(address party) external view returns (address);

    /// @notice The party that `account` controls at this moment, active or not; zero where there is none.
    function partyOfController(address account) external view returns (address);

    /// @notice Where the party stands at this moment.
    function statusOf(address party) external view returns (Status);

    /// @notice What the party says of itself at this moment, departed or not; all empty for an unknown party.
    function profileOf(address party) external view returns (Profile memory);

    /// @notice The present party that has the GLN, or zero.
    function partyOfGln(string calldata gln) external view returns (address);

    /// @notice What the address stands, stood or will stand for; all zero where nothing.
    function signerOf(address account) external view returns (Signer memory);

    /// @notice The present parties, active and suspended, as they will be one second after this block.
    function members() external view returns (address[] memory);

    /// @notice How many members will be active one second after this block.
    function activeCount() external view returns (uint256);

    /// @notice The proposal of that id; `expiresAt` is 0 where there is none.
    function proposalOf(bytes32 id) external view returns (Proposal memory);

    /// @notice Whether the member has voted for the proposal; proposing counts.
    function hasVoted(bytes32 id, address member) external view returns (bool);

    /// @notice The voted replacement of the party's controller that may still be executed; all zero where none.
    function noticeOf(address party) external view returns (Notice memory);

    /// @notice Whether the account has consented to that digest by calling `approve`.
    function hasApproved(address account, bytes32 digest) external view returns (bool);

    /// @notice What a signer signs or approves to stand for a party.
    function consentDigest(address party, address signer, uint8 uses, uint64 from, uint64 until)
        external
        view
        returns (bytes32);

    /// @notice What a candidate signs or approves to be admitted with that profile.
    function admissionDigest(address party, Profile calldata profile) external view returns (bytes32);
}
