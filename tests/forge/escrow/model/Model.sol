// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IEventLog} from "../../../../contracts/interfaces/IEventLog.sol";
import {IPartyRegistry} from "../../../../contracts/interfaces/IPartyRegistry.sol";

import {ModelBook} from "./ModelBook.sol";

/// @title docs/escrow.md, as plainly as it can be programmed
/// @dev Written from the specification, not from the contract. It keeps what has happened and adds it up whenever it is
/// asked; it knows who signed because it is told; it moves no money, and is told whether the token's would have moved.
/// Every refusal has its reason in words.
contract Model is ModelBook {
    uint256 private constant CLOCK_ERROR = 300;

    IEventLog private immutable _eventLog;
    mapping(bytes32 attestation => uint256) private _counted;

    constructor(IPartyRegistry registry, IEventLog eventLog, address escrow) ModelBook(registry, escrow) {
        _eventLog = eventLog;
    }

    // --------------------------------------------------------------------------------- 3. the life of an order

    function propose(address caller, IDeliveryEscrow.Terms memory terms, uint256 nonce) external returns (bytes32 id) {
        require(caller == _registry.controllerOf(terms.buyer), "not the buyer's controller");
        require(_registry.statusOf(terms.buyer) == IPartyRegistry.Status.Active, "the buyer is not active");
        checkTerms(terms);
        id = keccak256(abi.encode(block.chainid, _escrow, terms.buyer, nonce, terms));
        Book storage book = _books[id];
        require(book.state == IDeliveryEscrow.State.None, "proposed before");

        book.state = IDeliveryEscrow.State.Proposed;
        (book.buyer, book.seller, book.token) = (terms.buyer, terms.seller, terms.token);
        (book.document, book.arbiter, book.fundBy) = (terms.document, terms.arbiter, terms.fundBy);
        for (uint256 i = 0; i < terms.splits.length; ++i) {
            book.splits.push(terms.splits[i]);
        }
        book.attestors = terms.attestors;
        for (uint256 i = 0; i < terms.milestones.length; ++i) {
            book.parts.push().terms = terms.milestones[i];
        }
        orders.push(id);
        ++book.version;
    }

    function accept(address caller, bytes32 order) external {
        Book storage book = _in(order, IDeliveryEscrow.State.Proposed);
        require(caller == _registry.controllerOf(book.seller), "not the seller's controller");
        require(block.timestamp <= book.fundBy, "after fundBy");
        book.state = IDeliveryEscrow.State.Accepted;
        book.acceptedAt = uint64(block.timestamp);
        ++book.version;
    }

    function cancel(address caller, bytes32 order) external {
        Book storage book = _books[order];
        require(
            book.state == IDeliveryEscrow.State.Proposed || book.state == IDeliveryEscrow.State.Accepted, "wrong state"
        );
        require(
            caller == _registry.controllerOf(book.buyer) || caller == _registry.controllerOf(book.seller),
            "neither buyer nor seller"
        );
        book.state = IDeliveryEscrow.State.Cancelled;
        ++book.version;
    }

    /// @param comes whether the token would bring the whole sum
    function fund(address caller, bytes32 order, bool comes) external {
        Book storage book = _in(order, IDeliveryEscrow.State.Accepted);
        require(caller == _registry.controllerOf(book.buyer), "not the buyer's controller");
        require(block.timestamp <= book.fundBy, "after fundBy");
        for (uint256 i = 0; i < book.parts.length; ++i) {
            require(block.timestamp < book.parts[i].terms.due, "something is due already");
        }
        require(comes, "the money does not come");

        book.state = IDeliveryEscrow.State.Funded;
        book.paidIn = amountOf(order);
        for (uint256 i = 0; i < book.parts.length; ++i) {
            Part storage part = book.parts[i];
            Entry storage rest = part.entries.push();
            rest.gross = part.terms.amount;
            rest.reduction = 10_000;
            rest.disputableUntil = uint256(part.terms.due) + part.terms.grace + _greater(part.terms.window, DAY);
            rest.version = 1;
        }
        ++book.version;
    }

    // --------------------------------------------------------------------------------------- 5. attestations

    /// @param signer who signed the attestation, or calls without a signature; zero where the signature is none
    /// @param recordSigner who signed the record; zero where it is not proven
    function attest(
        address signer,
        IDeliveryEscrow.Attestation memory attestation,
        address recordSigner,
        uint64 anchoredAt
    ) external {
        Book storage book = _books[attestation.order];
        require(attestation.milestone < book.parts.length, "no such milestone");
        require(attestation.delivery != 0, "that is the rest");
        Part storage part = book.parts[attestation.milestone];
        require(signer != address(0), "no signature");
        bytes32 word = keccak256(abi.encode(_registry.signerOf(signer).party, attestation));
        uint256 number = _counted[word];
        if (number != 0) {
            require(!part.statements[number - 1].isTakenBack, "taken back");
            return;
        }

        require(book.state == IDeliveryEscrow.State.Funded, "not funded");
        require(!part.entries[0].isClosed, "the rest has ended");
        require(!_isAgreed(part, attestation.delivery), "agreed");
        (address attestor,) = _registry.standingOf(signer, 2, uint64(block.timestamp), 0);
        require(_isAttestor(book, part, attestor), "no attestor's key");
        _checkRecord(attestor, recordSigner, anchoredAt, attestation.recordHash);
        require(attestation.happenedAt >= book.acceptedAt, "before the order was accepted");
        require(attestation.happenedAt <= anchoredAt + CLOCK_ERROR, "after its anchor");
        require(anchoredAt <= uint256(part.terms.due) + part.terms.grace, "too late");
        for (uint256 i = 0; i < part.statements.length; ++i) {
            Statement storage other = part.statements[i];
            if (other.isTakenBack || other.attestor != attestor) continue;
            require(other.delivery != attestation.delivery, "has attested this delivery");
            require(other.recordHash != attestation.recordHash, "the record has counted");
        }

        Statement memory statement = Statement(
            attestation.delivery,
            attestor,
            attestation.recordHash,
            attestation.happenedAt,
            attestation.accepted,
            attestation.deductionBps,
            false
        );
        part.statements.push(statement);
        _counted[word] = part.statements.length;
        ++book.version;
        _agree(part, statement);
    }

    function takeBack(address caller, bytes32 order, uint16 milestone, bytes32 delivery) external {
        Book storage book = _in(order, IDeliveryEscrow.State.Funded);
        require(milestone < book.parts.length, "no such milestone");
        Part storage part = book.parts[milestone];
        require(!_isAgreed(part, delivery), "agreed");
        address attestor = _registry.partyOfController(caller);
        require(attestor != address(0), "controls no party");
        for (uint256 i = 0; i < part.statements.length; ++i) {
            Statement storage statement = part.statements[i];
            if (statement.isTakenBack || statement.attestor != attestor || statement.delivery != delivery) continue;
            statement.isTakenBack = true;
            ++book.version;
            return;
        }
        revert("nothing to take back");
    }

    // ------------------------------------------------------------------------------------------ 6. agreement

    function _agree(Part storage part, Statement memory last) private {
        uint256 agreeing = 0;
        uint256 happenedAt = type(uint256).max;
        for (uint256 i = 0; i < part.statements.length; ++i) {
            Statement memory other = part.statements[i];
            if (other.isTakenBack || other.delivery != last.delivery || other.accepted != last.accepted) continue;
            if (_deduction(part, other.deduction) != _deduction(part, last.deduction)) continue;
            if (_eventLog.withdrawnAt(other.attestor, other.recordHash) != 0) continue;
            ++agreeing;
            if (other.happenedAt < happenedAt) happenedAt = other.happenedAt;
        }
        if (agreeing < part.terms.threshold || last.accepted == 0) return;

        Entry storage rest = part.entries[0];
        uint256 gross = _grossOf(part, last.accepted);
        // In storage the array may move no entry, so that `rest` stays what it is.
        Entry storage item = part.entries.push();
        item.delivery = last.delivery;
        item.accepted = last.accepted;
        item.gross = gross;
        item.reduction = reductionOf(part.terms, happenedAt, last.deduction);
        item.disputableUntil =
            block.timestamp + (rest.isDisputed ? _greater(part.terms.window, DAY) : part.terms.window);
        item.version = 1;
        ++rest.version;
    }

    function _grossOf(Part storage part, uint256 accepted) private view returns (uint256) {
        uint256 earned = earnedOf(part.terms, _accepted(part) + accepted) - _taken(part);
        return _lesser(earned, _held(part, 0));
    }

    // -------------------------------------------------------------------------------------------- 7. endings

    function settle(bytes32 order, uint16 milestone, bytes32 delivery) external {
        (Part storage part, uint256 number) = _open(order, milestone, delivery);
        require(block.timestamp >= _settleableFrom(part, number), "its time has not come");
        uint256 held = _held(part, number);
        _close(order, part, number, held * (10_000 - part.entries[number].reduction) / 10_000);
    }

    function release(address caller, bytes32 order, uint16 milestone, bytes32 delivery) external {
        (Part storage part, uint256 number) = _open(order, milestone, delivery);
        require(caller == _registry.controllerOf(_books[order].buyer), "not the buyer's controller");
        _close(order, part, number, _held(part, number));
    }

    function giveBack(address caller, bytes32 order, uint16 milestone, bytes32 delivery) external {
        (Part storage part, uint256 number) = _open(order, milestone, delivery);
        require(caller == actorOf(payeeOf(order)), "not the payee");
        _close(order, part, number, 0);
    }

    function rule(address caller, bytes32 order, uint16 milestone, bytes32 delivery, uint256 payeeBps) external {
        (Part storage part, uint256 number) = _open(order, milestone, delivery);
        Book storage book = _books[order];
        Entry storage item = part.entries[number];
        require(caller == _registry.controllerOf(book.arbiter), "not the arbiter's controller");
        require(payeeOf(order) != book.arbiter && payeeOf(order) != caller, "the arbiter is the payee");
        require(item.isDisputed, "not disputed");
        require(block.timestamp >= item.disputableUntil, "too early for a ruling");
        require(block.timestamp < _settleableFrom(part, number), "too late for a ruling");
        require(payeeBps <= 10_000, "more than all");
        _close(order, part, number, _held(part, number) * payeeBps / 10_000);
    }

    /// @param signer who signed the division; zero where the signature is none
    function divide(address caller, address signer, IDeliveryEscrow.Division memory division) external {
        (Part storage part, uint256 number) = _open(division.order, division.milestone, division.delivery);
        address buyer = _registry.controllerOf(_books[division.order].buyer);
        address payee = actorOf(payeeOf(division.order));
        require((caller == buyer && signer == payee) || (caller == payee && signer == buyer), "not buyer and payee");
        require(block.timestamp <= division.deadline, "after its deadline");
        require(part.entries[number].version == division.itemVersion, "another version");
        uint256 parted = uint256(division.toPayee) + division.toBuyer;
        require(parted > 0 && parted <= _held(part, number), "not 1 to all that it holds");
        _pay(division.order, part, number, division.toPayee, division.toBuyer);
    }

    function dispute(address caller, bytes32 order, uint16 milestone, bytes32 delivery) external {
        (Part storage part, uint256 number) = _open(order, milestone, delivery);
        Entry storage item = part.entries[number];
        require(
            caller == _registry.controllerOf(_books[order].buyer) || caller == actorOf(payeeOf(order)),
            "neither buyer nor payee"
        );
        require(!item.isDisputed, "disputed before");
        require(part.terms.arbitration > 0, "no arbiter");
        require(number > 0 || block.timestamp > uint256(part.terms.due) + part.terms.grace, "deliveries still come");
        require(block.timestamp < item.disputableUntil, "too late for a dispute");
        item.isDisputed = true;
        ++item.version;
        ++_books[order].version;
    }

    // ---------------------------------------------------------------------------- 10. who is paid, and when

    function mint(address caller, bytes32 order) external {
        Book storage book = _in(order, IDeliveryEscrow.State.Funded);
        require(caller == _registry.controllerOf(book.seller), "not the seller's controller");
        require(!book.wasMinted, "minted before");
        book.wasMinted = true;
        book.holder = caller;
        ++book.version;
    }

    function transfer(address caller, bytes32 order, address to) public {
        Book storage book = _books[order];
        require(book.holder != address(0) && caller == book.holder, "not the holder");
        require(to != address(0) && to != _escrow, "nobody, or the escrow");
        require(to != book.arbiter && to != _registry.controllerOf(book.arbiter), "the arbiter");
        book.holder = to;
        ++book.version;
    }

    function transferIf(address caller, bytes32 order, address to, uint64 version) external {
        require(_books[order].version == version, "the order has changed");
        transfer(caller, order, to);
    }

    /// @param comes whether the token would pay
    function collect(address caller, address token, address creditor, bool comes) external {
        if (creditOf[token][creditor] == 0) return;
        address actor = actorOf(creditor);
        if (_registry.noticeOf(creditor).next != address(0)) require(caller == actor, "its controller is in question");
        require(comes, "the token does not pay");
        _collect(token, creditor);
    }

    function collectTo(address caller, address token, address creditor, address receiver, bool comes) external {
        require(caller == actorOf(creditor), "not the creditor");
        require(receiver != _escrow && receiver != address(0), "no receiver");
        if (creditOf[token][creditor] == 0) return;
        require(comes, "the token does not pay");
        _collect(token, creditor);
    }

    function _collect(address token, address creditor) private {
        owed[token] -= creditOf[token][creditor];
        creditOf[token][creditor] = 0;
    }

    // --------------------------------------------------------------------------------------- 4. items, 9. money

    function _pay(bytes32 order, Part storage part, uint256 number, uint256 toPayee, uint256 toBuyer) private {
        Book storage book = _books[order];
        part.entries[number].paid += toPayee + toBuyer;
        ++part.entries[number].version;
        ++book.version;
        book.paidOut += toPayee + toBuyer;

        uint256 remainder = toPayee;
        for (uint256 i = 0; i < book.splits.length; ++i) {
            uint256 share = toPayee * book.splits[i].bps / 10_000;
            remainder -= share;
            _credit(order, book.splits[i].party, share);
        }
        _credit(order, payeeOf(order), remainder);
        _credit(order, book.buyer, toBuyer);

        if (heldOf(order) > 0) return;
        book.state = IDeliveryEscrow.State.Ended;
        book.holder = address(0);
    }

    function _close(bytes32 order, Part storage part, uint256 number, uint256 toPayee) private {
        part.entries[number].isClosed = true;
        _pay(order, part, number, toPayee, _held(part, number) - toPayee);
    }

    function _credit(bytes32 order, address creditor, uint256 amount) private {
        address token = address(_books[order].token);
        creditOf[token][creditor] += amount;
        owed[token] += amount;
        received[order][creditor] += amount;
    }

    function _checkRecord(address attestor, address recordSigner, uint64 anchoredAt, bytes32 recordHash) private view {
        require(recordSigner != address(0), "no proof of a record");
        (address recorder,) = _registry.standingOf(recordSigner, 1, anchoredAt, 0);
        require(recorder == attestor, "another party's record");
        require(_eventLog.withdrawnAt(attestor, recordHash) == 0, "withdrawn");
    }
}
