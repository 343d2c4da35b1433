// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {DeliveryEscrow} from "../../../contracts/DeliveryEscrow.sol";
import {EventLog} from "../../../contracts/EventLog.sol";
import {PartyRegistry} from "../../../contracts/PartyRegistry.sol";
import {SettlementToken} from "../../../contracts/SettlementToken.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";
import {IReceivable} from "../../../contracts/interfaces/IReceivable.sol";

/// @dev The roaster buys 500 bags of coffee from the grower for 1,000.00. The roaster's own receipt attests a delivery, in
/// `inspected` orders two of roaster, inspector and carrier; the chamber is the arbiter, the cooperative has a share where
/// a test says so. All are members since START; `bank` is no member and buys receivables.
abstract contract Deal is Base {
    uint128 internal constant PRICE = 1_000_00;
    uint128 internal constant BAGS = 500;
    uint64 internal constant DUE = START + 30 days;
    uint32 internal constant GRACE = 10 days;
    uint32 internal constant WINDOW = 2 days;
    uint32 internal constant ARBITRATION = 7 days;
    /// @dev From here on the rest may be settled.
    uint64 internal constant REST_UNTIL = DUE + GRACE + WINDOW;
    bytes32 internal constant REST = 0;
    bytes32 internal constant DOCUMENT = sha256("terms");

    Character internal inspector = character("inspector");
    Character internal chamber = character("chamber");
    Character internal cooperative = character("cooperative");
    Character internal bank = character("bank");

    SettlementToken internal token;
    DeliveryEscrow internal escrow;
    IReceivable internal receivable;

    uint256 private _nonce;

    function setUp() public virtual override {
        vm.warp(START - 1);
        registry = new PartyRegistry(consortium());
        eventLog = new EventLog(registry);
        token = new SettlementToken();
        escrow = new DeliveryEscrow(eventLog);
        receivable = escrow.receivable();
        vm.label(address(escrow), "escrow");
        vm.label(address(token), "token");
        vm.warp(START);
    }

    function consortium() private view returns (IPartyRegistry.Founder[] memory members) {
        members = new IPartyRegistry.Founder[](6);
        members[0] = IPartyRegistry.Founder(grower.account, profile(1, "Finca El Mirador"));
        members[1] = IPartyRegistry.Founder(carrier.account, profile(2, "Blue Anchor Shipping"));
        members[2] = IPartyRegistry.Founder(roaster.account, profile(3, "Night Owl Roasters"));
        members[3] = IPartyRegistry.Founder(inspector.account, profile(4, "Port Inspection"));
        members[4] = IPartyRegistry.Founder(chamber.account, profile(5, "Chamber of Commerce"));
        members[5] = IPartyRegistry.Founder(cooperative.account, profile(6, "Cooperativa Alta"));
    }

    // ------------------------------------------------------------------------------------------------------ terms

    function milestone() internal pure returns (IDeliveryEscrow.Milestone memory) {
        return IDeliveryEscrow.Milestone({
            amount: PRICE,
            ordered: BAGS,
            attestorMask: 1,
            threshold: 1,
            due: DUE,
            grace: GRACE,
            window: WINDOW,
            arbitration: ARBITRATION,
            lateBps: 100,
            lateCapBps: 500,
            deductionCapBps: 2_000
        });
    }

    function terms() internal view returns (IDeliveryEscrow.Terms memory) {
        return IDeliveryEscrow.Terms({
            buyer: roaster.account,
            seller: grower.account,
            token: token,
            document: DOCUMENT,
            arbiter: chamber.account,
            fundBy: START + 7 days,
            splits: new IDeliveryEscrow.Split[](0),
            attestors: three(roaster.account, inspector.account, carrier.account),
            milestones: some(milestone())
        });
    }

    /// @dev Paid at once: no window, no arbiter.
    function promptTerms() internal view returns (IDeliveryEscrow.Terms memory wanted) {
        wanted = terms();
        wanted.arbiter = address(0);
        wanted.milestones[0].window = 0;
        wanted.milestones[0].arbitration = 0;
    }

    /// @dev Two of three have to state the same.
    function inspectedTerms() internal view returns (IDeliveryEscrow.Terms memory wanted) {
        wanted = terms();
        wanted.milestones[0].attestorMask = 7;
        wanted.milestones[0].threshold = 2;
    }

    function twoMilestones() internal view returns (IDeliveryEscrow.Terms memory wanted) {
        wanted = terms();
        wanted.milestones = new IDeliveryEscrow.Milestone[](2);
        wanted.milestones[0] = milestone();
        wanted.milestones[1] = milestone();
    }

    /// @dev The cooperative gets 3.33 % and the carrier 5 % of whatever the grower gets.
    function sharedTerms() internal view returns (IDeliveryEscrow.Terms memory wanted) {
        wanted = terms();
        wanted.splits = new IDeliveryEscrow.Split[](2);
        wanted.splits[0] = IDeliveryEscrow.Split(cooperative.account, 333);
        wanted.splits[1] = IDeliveryEscrow.Split(carrier.account, 500);
    }

    function some(IDeliveryEscrow.Milestone memory only)
        internal
        pure
        returns (IDeliveryEscrow.Milestone[] memory all)
    {
        all = new IDeliveryEscrow.Milestone[](1);
        all[0] = only;
    }

    function three(address one, address two, address last) internal pure returns (address[] memory all) {
        all = new address[](3);
        (all[0], all[1], all[2]) = (one, two, last);
    }

    // ----------------------------------------------------------------------------------------------------- orders

    function propose(IDeliveryEscrow.Terms memory wanted) internal returns (bytes32) {
        vm.prank(registry.controllerOf(wanted.buyer));
        return escrow.propose(wanted, ++_nonce);
    }

    function accepted(IDeliveryEscrow.Terms memory wanted) internal returns (bytes32 order) {
        order = propose(wanted);
        vm.prank(registry.controllerOf(wanted.seller));
        escrow.accept(order);
    }

    function funded(IDeliveryEscrow.Terms memory wanted) internal returns (bytes32 order) {
        order = accepted(wanted);
        giveMoney(roaster.account, wanted.milestones.length * PRICE);
        vm.prank(roaster.account);
        escrow.fund(order);
    }

    /// @dev And allows the escrow to take it.
    function giveMoney(address who, uint256 amount) internal {
        token.mint(who, amount);
        vm.prank(who);
        token.approve(address(escrow), amount);
    }

    function minted(bytes32 order) internal {
        vm.prank(grower.account);
        receivable.mint(order);
    }

    /// @dev The grower sells its claim to the bank.
    function sold(bytes32 order) internal {
        minted(order);
        vm.prank(grower.account);
        receivable.transferFrom(grower.account, bank.account, uint256(order));
    }

    // ------------------------------------------------------------------------------------------------- deliveries

    function deliveryOf(bytes32 order, string memory ref) internal pure returns (bytes32) {
        return keccak256(abi.encode(order, keccak256(bytes(ref)), DOCUMENT));
    }

    /// @dev What is said of the first milestone's delivery `ref`, on a record of that name, as happened now.
    function statement(bytes32 order, string memory ref, uint128 bags)
        internal
        view
        returns (IDeliveryEscrow.Attestation memory)
    {
        return IDeliveryEscrow.Attestation({
            order: order,
            milestone: 0,
            delivery: deliveryOf(order, ref),
            recordHash: keccak256(bytes(ref)),
            happenedAt: uint64(block.timestamp),
            accepted: bags,
            deductionBps: 0
        });
    }

    /// @dev Records, alone in its batch, and anchors.
    function anchored(Character memory who, bytes32 recordHash) internal returns (IDeliveryEscrow.Evidence memory) {
        bytes memory signature = sign(who, recordHash);
        bytes32 root = keccak256(abi.encodePacked(keccak256(abi.encode(recordHash, signature))));
        vm.prank(carrier.account);
        eventLog.anchor(root, 1);
        return IDeliveryEscrow.Evidence(signature, new bytes32[](0), root);
    }

    function signed(Character memory who, IDeliveryEscrow.Attestation memory what)
        internal
        view
        returns (bytes memory)
    {
        return sign(who, escrow.attestationDigest(what));
    }

    /// @dev Records, anchors, signs; a stranger submits it.
    function attest(Character memory who, IDeliveryEscrow.Attestation memory what) internal {
        IDeliveryEscrow.Evidence memory evidence = anchored(who, what.recordHash);
        bytes memory signature = signed(who, what);
        vm.prank(stranger.account);
        escrow.attest(what, signature, evidence);
    }

    function attestRefused(Character memory who, IDeliveryEscrow.Attestation memory what, bytes memory reason)
        internal
    {
        IDeliveryEscrow.Evidence memory evidence = anchored(who, what.recordHash);
        bytes memory signature = signed(who, what);
        vm.expectRevert(reason);
        escrow.attest(what, signature, evidence);
    }

    /// @dev The roaster receives `bags` in a delivery of that name.
    function deliver(bytes32 order, string memory ref, uint128 bags) internal returns (bytes32 delivery) {
        attest(roaster, statement(order, ref, bags));
        return deliveryOf(order, ref);
    }

    /// @dev A delivery of everything, on time, by now disputed by the roaster.
    function disputed(bytes32 order, string memory ref) internal returns (bytes32 delivery) {
        delivery = deliver(order, ref, BAGS);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, delivery);
    }

    function withdraw(Character memory who, bytes32 recordHash) internal {
        vm.prank(who.account);
        eventLog.withdraw(recordHash, "");
    }

    // ------------------------------------------------------------------------------------------------ the registry

    /// @dev All others vote; it holds from the next second on.
    function suspend(Character memory who) internal {
        vm.prank(otherThan(who, 0));
        pass(who, registry.proposeSuspension(who.account, ++_nonce));
    }

    function remove(Character memory who) internal {
        vm.prank(otherThan(who, 0));
        pass(who, registry.proposeRemoval(who.account, ++_nonce));
    }

    /// @dev Notice runs from now on.
    function voteForSuccessor(Character memory who) internal {
        bytes memory consent = controllerConsentOf(successor, who.account);
        IPartyRegistry.Change memory change = IPartyRegistry.Change(who.account, successor.account, 0);
        vm.prank(otherThan(who, 0));
        pass(who, registry.proposeReplacement(who.account, change, consent, ++_nonce));
    }

    /// @dev The successor is the party's controller from the next second on.
    function succeed(Character memory who) internal {
        bytes memory consent = controllerConsentOf(successor, who.account);
        vm.prank(who.account);
        registry.replaceController(successor.account, 0, consent);
        later(1);
    }

    function pass(Character memory who, bytes32 id) private {
        for (uint256 i = 1; !registry.proposalOf(id).isPassed; ++i) {
            vm.prank(otherThan(who, i));
            registry.vote(id);
        }
    }

    function otherThan(Character memory who, uint256 which) private view returns (address) {
        address[5] memory members =
            [grower.account, carrier.account, inspector.account, chamber.account, cooperative.account];
        address member = members[which];
        return member == who.account ? roaster.account : member;
    }

    // -------------------------------------------------------------------------------------------------- assertions

    function item(bytes32 order, bytes32 delivery) internal view returns (IDeliveryEscrow.Item memory) {
        return escrow.itemOf(order, 0, delivery);
    }

    function version(bytes32 order) internal view returns (uint64) {
        return escrow.orderOf(order).version;
    }

    function assertState(bytes32 order, IDeliveryEscrow.State state) internal view {
        vm.assertEq(uint256(escrow.orderOf(order).state), uint256(state), "state");
    }

    function assertCredit(address creditor, uint256 amount) internal view {
        vm.assertEq(escrow.creditOf(token, creditor), amount, "credit");
    }

    function assertHeld(bytes32 order, bytes32 delivery, uint256 amount) internal view {
        vm.assertEq(item(order, delivery).held, amount, "held");
    }

    /// @dev ⌊of × bps / 10,000⌋
    function part(uint256 of_, uint256 bps) internal pure returns (uint128) {
        return uint128(of_ * bps / 10_000);
    }

    // ----------------------------------------------------------------------------------------------------- reasons

    function wrongState(bytes32 order, IDeliveryEscrow.State state) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.WrongState.selector, order, state);
    }

    function notActingFor(address who, address caller) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.NotActingFor.selector, who, caller);
    }

    function neitherOf(address one, address other, address caller) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.NeitherOf.selector, one, other, caller);
    }

    function nothingHeld(bytes32 order, bytes32 delivery) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.NothingHeld.selector, order, 0, delivery);
    }

    function unknownItem(bytes32 order, bytes32 delivery) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.UnknownItem.selector, order, 0, delivery);
    }
}
