// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeliveryEscrow} from "../../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "../../../../contracts/interfaces/IPartyRegistry.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ModelTerms} from "./ModelTerms.sol";

/// @title What the model keeps, and what it adds up from it (docs/escrow.md, sections 4, 6, 9 and 10)
abstract contract ModelBook is ModelTerms {
    struct Statement {
        bytes32 delivery;
        address attestor;
        bytes32 recordHash;
        uint64 happenedAt;
        uint128 accepted;
        uint16 deduction;
        bool isTakenBack;
    }

    struct Entry {
        /// @dev Zero for the rest.
        bytes32 delivery;
        /// @dev Quantity; zero for the rest.
        uint256 accepted;
        /// @dev What it began with: a delivery's gross, a rest's whole amount.
        uint256 gross;
        /// @dev What has been paid out of it.
        uint256 paid;
        uint256 reduction;
        uint256 disputableUntil;
        bool isDisputed;
        /// @dev Settled, released, given back or ruled.
        bool isClosed;
        uint256 version;
    }

    struct Part {
        IDeliveryEscrow.Milestone terms;
        Statement[] statements;
        /// @dev The rest first, then the deliveries in the order of their agreement.
        Entry[] entries;
    }

    struct Book {
        IDeliveryEscrow.State state;
        address buyer;
        address seller;
        IERC20 token;
        bytes32 document;
        address arbiter;
        uint64 fundBy;
        uint64 acceptedAt;
        uint64 version;
        bool wasMinted;
        /// @dev Of the receivable; zero where none is minted, or it is burned.
        address holder;
        IDeliveryEscrow.Split[] splits;
        address[] attestors;
        Part[] parts;
        uint256 paidIn;
        uint256 paidOut;
    }

    uint256 internal constant DAY = 86_400;

    IPartyRegistry internal immutable _registry;
    address internal immutable _escrow;

    mapping(bytes32 order => Book) internal _books;
    bytes32[] public orders;
    mapping(address token => mapping(address creditor => uint256)) public creditOf;
    /// @dev All credits of a token together.
    mapping(address token => uint256) public owed;
    mapping(bytes32 order => mapping(address creditor => uint256)) public received;

    constructor(IPartyRegistry registry, address escrow) ModelTerms(registry) {
        (_registry, _escrow) = (registry, escrow);
    }

    // ----------------------------------------------------------------------------------------------- views

    function orderOf(bytes32 order) external view returns (IDeliveryEscrow.Order memory) {
        Book storage book = _books[order];
        return IDeliveryEscrow.Order(
            book.state,
            book.buyer,
            book.seller,
            book.token,
            book.document,
            book.arbiter,
            book.fundBy,
            book.acceptedAt,
            book.version,
            uint32(_openItems(book))
        );
    }

    function milestoneOf(bytes32 order, uint16 milestone)
        external
        view
        returns (IDeliveryEscrow.Milestone memory terms, uint128 taken, uint128 accepted)
    {
        Part storage part = _books[order].parts[milestone];
        return (part.terms, uint128(_taken(part)), uint128(_accepted(part)));
    }

    function itemOf(bytes32 order, uint16 milestone, bytes32 delivery)
        external
        view
        returns (IDeliveryEscrow.Item memory item)
    {
        Part storage part = _books[order].parts[milestone];
        (bool exists, uint256 number) = _find(part, delivery);
        if (!exists) return item;
        Entry storage entry = part.entries[number];
        return IDeliveryEscrow.Item(
            uint128(_held(part, number)),
            uint16(entry.reduction),
            uint64(entry.disputableUntil),
            uint64(_settleableFrom(part, number)),
            uint32(entry.version),
            entry.isDisputed,
            _isEnded(order, part, number),
            true
        );
    }

    function amountOf(bytes32 order) public view returns (uint256 sum) {
        Part[] storage parts = _books[order].parts;
        for (uint256 i = 0; i < parts.length; ++i) {
            sum += parts[i].terms.amount;
        }
    }

    function heldOf(bytes32 order) public view returns (uint256 sum) {
        Part[] storage parts = _books[order].parts;
        for (uint256 i = 0; i < parts.length; ++i) {
            sum += _heldIn(parts[i]);
        }
    }

    function heldIn(address token) external view returns (uint256 sum) {
        for (uint256 i = 0; i < orders.length; ++i) {
            if (address(_books[orders[i]].token) == token) sum += heldOf(orders[i]);
        }
    }

    function paidOf(bytes32 order) external view returns (uint256 paidIn, uint256 paidOut) {
        return (_books[order].paidIn, _books[order].paidOut);
    }

    function milestoneCount(bytes32 order) external view returns (uint256) {
        return _books[order].parts.length;
    }

    /// @dev The rest first.
    function itemsIn(bytes32 order, uint16 milestone) external view returns (bytes32[] memory deliveries) {
        Entry[] storage entries = _books[order].parts[milestone].entries;
        deliveries = new bytes32[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            deliveries[i] = entries[i].delivery;
        }
    }

    function termsOf(bytes32 order)
        external
        view
        returns (IDeliveryEscrow.Split[] memory splits, address[] memory attestors, address holder, bool wasMinted)
    {
        Book storage book = _books[order];
        return (book.splits, book.attestors, book.holder, book.wasMinted);
    }

    /// @dev Whether the party has an attestation on the delivery that stands.
    function hasAttested(bytes32 order, uint16 milestone, bytes32 delivery, address party)
        external
        view
        returns (bool)
    {
        Statement[] storage statements = _books[order].parts[milestone].statements;
        for (uint256 i = 0; i < statements.length; ++i) {
            if (statements[i].delivery != delivery || statements[i].attestor != party) continue;
            if (!statements[i].isTakenBack) return true;
        }
        return false;
    }

    function orderCount() external view returns (uint256) {
        return orders.length;
    }

    function actorOf(address name) public view returns (address) {
        return _registry.statusOf(name) == IPartyRegistry.Status.None ? name : _registry.controllerOf(name);
    }

    function payeeOf(bytes32 order) public view returns (address) {
        return _books[order].holder == address(0) ? _books[order].seller : _books[order].holder;
    }

    // ------------------------------------------------------------------------------------------- arithmetic

    function earnedOf(IDeliveryEscrow.Milestone memory terms, uint256 total) public pure returns (uint256) {
        return uint256(terms.amount) * _lesser(total, terms.ordered) / terms.ordered;
    }

    function reductionOf(IDeliveryEscrow.Milestone memory terms, uint256 happenedAt, uint256 deduction)
        public
        pure
        returns (uint256)
    {
        uint256 daysLate = 0;
        while (terms.due + daysLate * DAY < happenedAt) {
            ++daysLate;
        }
        uint256 lateness = _lesser(daysLate * terms.lateBps, terms.lateCapBps);
        return _lesser(lateness + _lesser(deduction, terms.deductionCapBps), 10_000);
    }

    // ----------------------------------------------------------------------------------------------- sums

    function _held(Part storage part, uint256 number) internal view returns (uint256) {
        Entry storage item = part.entries[number];
        return item.gross - item.paid - (number == 0 ? _taken(part) : 0);
    }

    function _heldIn(Part storage part) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < part.entries.length; ++i) {
            sum += _held(part, i);
        }
    }

    function _taken(Part storage part) internal view returns (uint256 sum) {
        for (uint256 i = 1; i < part.entries.length; ++i) {
            sum += part.entries[i].gross;
        }
    }

    function _accepted(Part storage part) internal view returns (uint256 sum) {
        for (uint256 i = 1; i < part.entries.length; ++i) {
            sum += part.entries[i].accepted;
        }
        return _lesser(sum, type(uint128).max);
    }

    function _isEnded(bytes32 order, Part storage part, uint256 number) internal view returns (bool) {
        if (_books[order].state == IDeliveryEscrow.State.Ended) return true;
        return number == 0 ? part.entries[0].isClosed : _held(part, number) == 0;
    }

    function _settleableFrom(Part storage part, uint256 number) internal view returns (uint256) {
        Entry storage item = part.entries[number];
        return item.disputableUntil + (item.isDisputed ? part.terms.arbitration : 0);
    }

    function _openItems(Book storage book) internal view returns (uint256 count) {
        if (book.state != IDeliveryEscrow.State.Funded) return 0;
        for (uint256 i = 0; i < book.parts.length; ++i) {
            Part storage part = book.parts[i];
            for (uint256 j = 0; j < part.entries.length; ++j) {
                if (_held(part, j) > 0) ++count;
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- checks

    function _in(bytes32 order, IDeliveryEscrow.State state) internal view returns (Book storage book) {
        book = _books[order];
        require(book.state == state, "wrong state");
    }

    function _open(bytes32 order, uint16 milestone, bytes32 delivery)
        internal
        view
        returns (Part storage part, uint256 number)
    {
        Book storage book = _in(order, IDeliveryEscrow.State.Funded);
        require(milestone < book.parts.length, "no such milestone");
        part = book.parts[milestone];
        bool exists;
        (exists, number) = _find(part, delivery);
        require(exists, "no such item");
        require(_held(part, number) > 0, "nothing held");
    }

    function _find(Part storage part, bytes32 delivery) internal view returns (bool exists, uint256 number) {
        for (uint256 i = 0; i < part.entries.length; ++i) {
            if (part.entries[i].delivery == delivery) return (true, i);
        }
    }

    function _isAgreed(Part storage part, bytes32 delivery) internal view returns (bool exists) {
        if (delivery == 0) return false;
        (exists,) = _find(part, delivery);
    }

    function _isAttestor(Book storage book, Part storage part, address party) internal view returns (bool) {
        for (uint256 i = 0; i < book.attestors.length; ++i) {
            if (book.attestors[i] == party && party != address(0)) return part.terms.attestorMask >> i & 1 == 1;
        }
        return false;
    }

    function _deduction(Part storage part, uint256 stated) internal view returns (uint256) {
        return _lesser(stated, part.terms.deductionCapBps);
    }

    function _lesser(uint256 left, uint256 right) internal pure returns (uint256) {
        return left < right ? left : right;
    }

    function _greater(uint256 left, uint256 right) internal pure returns (uint256) {
        return left > right ? left : right;
    }
}
