"""Order, receipt, invoice and settlement of one party, compared; and the invoices that a party has handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from api.books import Books, books_of, currencies_of
from api.errors import InvoicesRefused
from api.invoices import keep_file, kept_file
from api.node import Node
from ledger.consortium import Registry
from ledger.database import reading
from ledger.escrow import Proposed
from ledger.hexadecimal import to_address, to_hex
from ledger.invoices import Invoice, read_invoices
from ledger.judgement import Side, State
from ledger.money import Currency
from ledger.obligations import Obligations
from ledger.receipts import Unit
from ledger.reconciliation import Document, Item, Knowledge, reconcile
from traceability.decisions import receipts as receipts_of
from traceability.errors import TermsNotImported
from traceability.order_terms import terms_document
from traceability.terms import TermsDocument


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every invoice and every delivery with its one state, and how things are called."""

    items: Sequence[Item]
    books: Books
    documents: Mapping[bytes, Document]

    @property
    def is_in_order(self) -> bool:
        """True where nobody has to do anything."""
        return all(item.is_in_order for item in self.items)

    @property
    def counts(self) -> dict[str, int]:
        """How many items there are of each state, in the order of the rules."""
        found = Counter(item.state for item in self.items)
        return {state.value: found[state] for state in State if found[state]}

    @property
    def order_names(self) -> dict[str, str]:
        """By an order's id how people call it: the first number of its terms that has one."""
        return {
            to_hex(order): document.references[-1] for order, document in self.documents.items() if document.references
        }

    def to_json(self) -> dict[str, Any]:
        """What `tally reconcile --json` and GET /finance/reconciliation give out."""
        return {
            "party": self.books.heading.name,
            "inOrder": self.is_in_order,
            "states": self.counts,
            "items": [_item_json(item, self.books) for item in self.items],
        }


def reconciliation_of(
    node: Node, party: bytes, invoices: Sequence[Invoice], side: Side | None = None
) -> Reconciliation:
    """The party's orders compared with these invoices. Raises as `api.books.books_of` does."""
    books = books_of(node, party)
    orders = [log.order for log in books.logs if isinstance(log, Proposed)]
    with reading(node.engine) as session:
        documents = {order: document for order in orders if (document := _document(session, order)) is not None}
        receipts = [receipt for order in documents for receipt in receipts_of(session, order)]
    knowledge = Knowledge(
        parties=_names(node, books.registry),
        currencies=books.heading.currencies,
        documents=documents,
        party_of={account: entry.party for account, entry in books.registry.signers.items()},
    )
    found = reconcile(
        party, Obligations(books.logs), receipts, invoices, knowledge, node.settings.tolerances, side
    )  # fmt: skip
    return Reconciliation(found, books, documents)


def invoices_in(node: Node, data: bytes) -> list[Invoice]:
    """The invoices of a CSV or XLSX file. Raises InvoiceFileError, or InvoicesRefused with row, column and reason."""
    with reading(node.engine) as session:
        currencies: Iterable[Currency] = currencies_of(session, node.settings.currencies).values()
        read = read_invoices(data, currencies)
    if read.errors:
        raise InvoicesRefused(read.errors)
    return read.invoices


def keep_invoices(node: Node, party: bytes, data: bytes, now_us: int) -> list[Invoice]:
    """Takes the file as the party's invoices, in the place of the ones before. Raises as `invoices_in` does."""
    found = invoices_in(node, data)
    keep_file(node.engine, party, data, now_us)
    return found


def kept_invoices(node: Node, party: bytes) -> list[Invoice]:
    """The invoices that the party has handed in last; none where it has not."""
    data = kept_file(node.engine, party)
    return [] if data is None else invoices_in(node, data)


def _document(session: Session, order: bytes) -> Document | None:
    try:
        document = terms_document(session, order)
    except TermsNotImported:
        return None
    units = tuple(Unit(rule.uom, rule.decimals) for rule in document.milestones)
    return Document(tuple(_references(document)), units, document.salt)


def _references(document: TermsDocument) -> Iterable[str]:
    """The references as they stand in the terms, and order numbers also without their buyer's GLN, as invoices do."""
    for reference in document.references:
        yield reference
        if reference.startswith("urn:epcglobal:cbv:bt:"):
            yield reference.split(":", 5)[5]


def _names(node: Node, registry: Registry) -> dict[str, bytes]:
    names: dict[str, bytes] = {}
    for party in registry.parties.values():
        for name in (party.profile.name, party.profile.gln, to_address(party.account)):
            if name:
                names[name.casefold()] = party.account
    for file in node.keyring.files():
        signer = registry.signers.get(file.address)
        if signer is not None:
            names.setdefault(file.name.casefold(), signer.party)
    return names


def _item_json(item: Item, books: Books) -> dict[str, Any]:
    currency = None if item.token is None else books.heading.currencies.get(item.token)
    invoice = item.invoice
    code = currency.code if currency is not None else (invoice.currency if invoice is not None else None)
    text = _amounts(currency, books, code)
    return {
        "state": item.state.value,
        "invoice": None if invoice is None else invoice.number,
        "row": None if invoice is None else invoice.row,
        "seller": None if invoice is None else invoice.seller,
        "order": to_hex(item.order) if item.order is not None else (None if invoice is None else invoice.order),
        "milestone": item.milestones[0] if len(item.milestones) == 1 else None,
        "milestones": list(item.milestones),
        "deliveries": [to_hex(delivery) for delivery in item.deliveries],
        "difference": {
            "money": None if item.money is None else text(item.money),
            "quantity": None if item.quantity is None else item.quantity.text,
            "currency": code,
            "uom": item.uom,
        },
        "invoiced": None if invoice is None else text(invoice.amount),
        "expected": text(item.expected),
        "paid": text(item.paid),
        "events": list(item.events),
        "transactions": [to_hex(name) for name in item.transactions],
        "note": item.note,
    }


def _amounts(currency: Currency | None, books: Books, code: str | None) -> Any:
    """How an amount of the item is written: with its token's decimals, else those of the currency of that code."""
    known = currency or next((each for each in books.heading.currencies.values() if each.code == code), None)
    return known.text if known is not None else str
