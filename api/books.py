"""A party's books, made from what this node has read of the chain up to its newest final block, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from api.errors import BadArgument, TokensWithoutCurrency
from api.node import Node
from ledger.abi import interface
from ledger.books import Heading
from ledger.books.beancount import journal_beancount
from ledger.books.rows import journal_csv, journal_xlsx
from ledger.consortium import Registry
from ledger.database import reading
from ledger.errors import UnknownParty, UnknownToken
from ledger.escrow import EscrowLog, LogPlace
from ledger.hexadecimal import to_address
from ledger.journal import Controlled, Entry, Journal, controllers, in_order
from ledger.money import Currency
from ledger.orderbook import party_logs
from ledger.standing import LocalAnswers, registry_of
from ledger.statement import Statement, statements
from ledger.tables import RegistryLogRow
from ledger.tokens import token_of

FOREVER = 2**63 - 1


class Format(StrEnum):
    """What `tally journal` writes."""

    BEANCOUNT = "beancount"
    CSV = "csv"
    XLSX = "xlsx"
    CAMT053 = "camt053"


MEDIA_TYPES = {
    Format.BEANCOUNT: "text/plain; charset=utf-8",
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.CAMT053: "application/xml",
}
SUFFIXES = {Format.BEANCOUNT: "beancount", Format.CSV: "csv", Format.XLSX: "xlsx", Format.CAMT053: "xml"}


@dataclass(frozen=True, slots=True)
class Period:
    """Block times t with from_at <= t < until_at."""

    from_at: int = 0
    until_at: int = FOREVER


@dataclass(frozen=True, slots=True)
class Books:
    """What the chain says of one party's money: its logs, entries, accounts, and how things are called.

    `logs` are final, in chain order; `account` is the one that acts for the party now.
    """

    heading: Heading
    account: bytes
    logs: Sequence[EscrowLog]
    entries: Sequence[Entry]
    registry: Registry


def books_of(node: Node, party: bytes) -> Books:
    """The party's books up to the newest final block.

    Raises NoEscrow, UnknownParty, TokensWithoutCurrency where an order of the party is in a token that the settings
    don't name, UnknownToken where a token has not said its decimals yet, or ChainError before the chain was first read.
    """
    escrow = node.deployment.require_escrow()
    with reading(node.engine) as session:
        answers = LocalAnswers.of(session)
        registry = registry_of(session, answers.block_number)
        if party not in registry.parties:
            raise UnknownParty(to_address(party))
        controlled = _controlled(session, answers.block_number)
        accounts = {each.account for each in controlled if each.party == party}
        logs = [log for log in party_logs(session, party, accounts) if log.place.block_number <= answers.block_number]
        currencies = currencies_of(session, node.settings.currencies)
    journal = Journal(party, escrow.address, {token: currency.code for token, currency in currencies.items()})
    entries = journal.book(in_order(logs, controlled))
    if journal.unbooked:
        raise TokensWithoutCurrency([to_address(token) for token in sorted(journal.unbooked)])
    names = {account: _name(registry, each.party) for each in controlled for account in (each.account, each.party)}
    heading = Heading(party, _name(registry, party), node.deployment.chain_id, currencies, names)
    return Books(heading, registry.parties[party].controller, logs, entries, registry)


def currencies_of(session: Session, codes: Mapping[bytes, str]) -> dict[bytes, Currency]:
    """The settings' currencies with the decimals that their tokens say. Raises UnknownToken."""
    return {token: Currency(code, token_of(session, token).decimals) for token, code in codes.items()}


def journal_file(books: Books, kind: Format, period: Period, made_at: int) -> bytes:
    """The party's journal, or for camt.053 its statements, as a file.

    The period is for statements: a journal has all entries, for only all of them add up to the balances. Raises
    AmountDoesNotFit for amounts that the format has no room for, or BadArgument where there is nothing to state.
    """
    match kind:
        case Format.BEANCOUNT:
            return journal_beancount(books.entries, books.heading)
        case Format.CSV:
            return journal_csv(_within(books.entries, period), books.heading)
        case Format.XLSX:
            return journal_xlsx(_within(books.entries, period), books.heading)
        case Format.CAMT053:
            # Its library takes a third of a second to load, which every command would pay.
            from ledger.books.camt053 import camt053  # noqa: PLC0415

            closed = _closed(period, books, made_at)
            stated = [one for token in books.heading.currencies for one in statements_of(books, token, closed)]
            if not stated:
                raise BadArgument("there is no token to state: name those that orders are paid in, tokens in node.toml")
            return camt053(stated, books.heading, made_at)


def statements_of(books: Books, token: bytes, period: Period) -> list[Statement]:
    """The statements of the party's accounts in one token, for the period."""
    return statements(books.entries, token, books.account, period.from_at, period.until_at)


def statement_json(statement: Statement, heading: Heading) -> dict[str, Any]:
    """A statement as GET /finance/statement gives it out; amounts as decimal text."""
    currency = heading.currencies[statement.token]
    return {
        "account": heading.account_id(statement.account),
        "token": heading.token_id(statement.token),
        "currency": currency.code,
        "from": _date_time(statement.from_at),
        "until": _date_time(statement.until_at),
        "opening": currency.text(statement.opening),
        "movements": [
            {
                "at": _date_time(movement.entry.place.block_at),
                "amount": currency.text(movement.amount),
                "kind": movement.entry.kind.value,
                "order": None if movement.entry.order is None else f"0x{movement.entry.order.hex()}",
                "milestone": movement.entry.milestone,
                "counterparty": heading.counterparty(movement.entry.counterparty) or None,
                "transaction": f"0x{movement.entry.place.transaction_hash.hex()}",
                "log": movement.entry.place.log_index,
            }
            for movement in statement.movements
        ],
        "closing": currency.text(statement.closing),
    }


def period_of(from_day: str | None, to_day: str | None) -> Period:
    """The period from the begin of one day to the end of another (UTC). Raises BadArgument."""
    begin, end = _day("from", from_day), _day("to", to_day)
    if begin is not None and end is not None and end < begin:
        raise BadArgument(f"the period ends ({end}) before it begins ({begin})")
    return Period(
        0 if begin is None else _midnight_at(begin), FOREVER if end is None else _midnight_at(end + timedelta(days=1))
    )


def token_called(books: Books, code: str) -> bytes:
    """The token of a currency code. Raises UnknownToken."""
    found = next((token for token, currency in books.heading.currencies.items() if currency.code == code), None)
    if found is None:
        raise UnknownToken(code, is_asked=False)
    return found


def _closed(period: Period, books: Books, made_at: int) -> Period:
    """The period with both ends, as a bank's message has them: since the first entry, and up to now."""
    first_at = books.entries[0].place.block_at if books.entries else made_at
    return Period(period.from_at or first_at, min(period.until_at, made_at + 1))


def _within(entries: Sequence[Entry], period: Period) -> list[Entry]:
    return [entry for entry in entries if period.from_at <= entry.place.block_at < period.until_at]


def _controlled(session: Session, block_number: int) -> list[Controlled]:
    table = SQLModel.metadata.tables[str(RegistryLogRow.__tablename__)].c
    rows = session.exec(
        select(RegistryLogRow)
        .where(
            col(RegistryLogRow.block_number) <= block_number,
            col(RegistryLogRow.name).in_(("SignerAuthorised", "ControllerReplaced")),
        )
        .order_by(table.block_number, table.log_index)
    )
    return controllers(_registry_logs(rows))


def _registry_logs(rows: Any) -> Iterator[tuple[LogPlace, str, Mapping[str, Any]]]:
    face = interface("PartyRegistry")
    for row in rows:
        place = LogPlace(row.block_number, row.log_index, row.block_at, row.transaction_hash)
        yield place, row.name, face.arguments_from_json(row.name, row.arguments)


def _name(registry: Registry, party: bytes) -> str:
    known = registry.parties.get(party)
    return known.profile.name if known is not None and known.profile.name else to_address(party)


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadArgument(f"{name} is no date: {text[:40]!r}; write 2026-11-24") from error


def _midnight_at(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _date_time(at: int) -> str | None:
    if at in {0, FOREVER}:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
