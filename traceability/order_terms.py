"""The terms documents that this node has, each held to the orders on chain that bear its hash. Touches the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlmodel import Session

from ledger.database import writing
from ledger.orderbook import order_of
from ledger.ordertables import OrderRow
from traceability.errors import TermsNotImported, TermsOfNoOrder, TermsOfOtherOrder
from traceability.identifiers import canonical
from traceability.naming import name_order
from traceability.repository import insert_rows, table
from traceability.tables import OrderReferenceRow, TermsDocumentRow
from traceability.terms import TermsDocument, document_hash, parse_terms, terms_bytes

_documents, _references, _orders = table(TermsDocumentRow), table(OrderReferenceRow), table(OrderRow)


@dataclass(frozen=True, slots=True)
class ImportedTerms:
    """A terms document that was taken, and the orders on chain that it is the document of, oldest first."""

    document: TermsDocument
    document_hash: bytes
    orders: tuple[bytes, ...]


def import_terms(engine: Engine, data: bytes, now_us: int) -> ImportedTerms:
    """Takes a terms document for the orders on chain that bear its hash; then events that name them are judged.

    Also those that were captured before. Taking it again changes nothing, but finds orders that came in since. Raises
    BadTermsDocument, TermsOfNoOrder where no order that the follower has read bears the hash, or TermsOfOtherOrder
    where one does and has another number of milestones.
    """
    document = parse_terms(data)
    name = document_hash(document)
    with writing(engine) as session:
        query = select(_orders.c.order_id).where(_orders.c.document == name)
        orders = session.execute(query.order_by(_orders.c.proposed_at, _orders.c.order_id)).scalars().all()
        if not orders:
            raise TermsOfNoOrder(name)
        for order in orders:
            ordered, described = len(order_of(session, order).terms.milestones), len(document.milestones)
            if ordered != described:
                raise TermsOfOtherOrder(order, described, ordered)
            keep_terms(session, document, order, now_us)
    return ImportedTerms(document, name, tuple(orders))


def keep_terms(session: Session, document: TermsDocument, order: bytes, now_us: int) -> None:
    """Keeps the document for an order, whether it is on chain yet or not: for whoever has made both of them.

    Assumes a writing session and that the order's terms bear the document's hash.
    """
    name = document_hash(document)
    is_it = select(_documents.c.document_hash).where(_documents.c.document_hash == name)
    if session.execute(is_it).first() is None:
        columns = ("document_hash", "document", "imported_at_us")
        insert_rows(session, TermsDocumentRow, columns, [(name, terms_bytes(document), now_us)])
    name_order(session, order, name, document.reference_keys, now_us)


def terms_document(session: Session, order: bytes) -> TermsDocument:
    """The terms document of an order. Raises TermsNotImported where this node has none."""
    data = terms_file(session, order)
    return _parsed(data)


def terms_file(session: Session, order: bytes) -> bytes:
    """The terms document of an order as its file, in canonical JSON. Raises TermsNotImported."""
    data = session.execute(
        select(_documents.c.document)
        .join_from(_references, _documents, _documents.c.document_hash == _references.c.document_hash)
        .where(_references.c.order_id == order)
        .limit(1)
    ).scalar_one_or_none()
    if data is None:
        raise TermsNotImported(order)
    return bytes(data)


def orders_called(session: Session, text: str) -> list[bytes]:
    """The orders whose terms list that reference, or a purchase order number that is this one under its buyer's GLN."""
    number = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    is_it = (_references.c.key == canonical(text)) | _references.c.key.like(
        f"urn:epcglobal:cbv:bt:_____________:{number}", escape="\\"
    )
    query = select(_references.c.order_id).where(is_it).distinct().order_by(_references.c.order_id)
    return [bytes(order) for order in session.execute(query).scalars()]


@lru_cache(maxsize=256)
def _parsed(data: bytes) -> TermsDocument:
    return parse_terms(data)
