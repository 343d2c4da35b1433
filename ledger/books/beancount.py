"""The journal as Beancount text, which `bean-check` accepts and Fava shows.

Pure: entries in, text out; Beancount itself is not needed. The party's tokens stand under `Assets:Token:`, and at the
end of the file their balances are asserted. https://beancount.github.io/docs/beancount_language_syntax.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ledger.books import Heading, moment, printable
from ledger.chart import account_of
from ledger.hexadecimal import to_hex
from ledger.journal import Entry


def journal_beancount(entries: Sequence[Entry], heading: Heading) -> bytes:
    """The journal, UTF-8: options, commodities, accounts, one transaction an entry, and the balances of the tokens."""
    lines = [f'option "title" {_text(f"{heading.name}, {heading.account_id(heading.party)}")}']
    used = {posting.token for entry in entries for posting in entry.postings}
    currencies = [(token, heading.currencies[token]) for token in heading.currencies if token in used]
    lines += [f'option "operating_currency" "{currency.code}"' for _, currency in currencies]
    if entries:
        first = moment(entries[0].place.block_at).date()
        for token, currency in currencies:
            lines += ["", f"{first} commodity {currency.code}", f'  token: "{heading.token_id(token)}"']
        lines.append("")
        lines += _opened(entries)
        for entry in entries:
            lines += ["", *_transaction(entry, heading)]
        lines += ["", *_balances(entries, heading)]
    return ("\n".join(lines) + "\n").encode()


def _opened(entries: Sequence[Entry]) -> list[str]:
    opened: dict[str, str] = {}
    for entry in entries:
        for posting in entry.postings:
            if posting.account not in opened:
                opened[posting.account] = f"{moment(entry.place.block_at).date()} open {posting.account}"
    return list(opened.values())


def _transaction(entry: Entry, heading: Heading) -> list[str]:
    time = moment(entry.place.block_at)
    payee, narration = heading.counterparty(entry.counterparty), entry.kind.value
    lines = [f"{time.date()} * {_text(payee)} {_text(narration)}" if payee else f"{time.date()} * {_text(narration)}"]
    if entry.order is not None:
        lines.append(f'  order: "{to_hex(entry.order)}"')
    if entry.milestone is not None:
        lines.append(f"  milestone: {entry.milestone}")
    if entry.delivery is not None and any(entry.delivery):
        lines.append(f'  delivery: "{to_hex(entry.delivery)}"')
    lines += [
        f'  transaction: "{to_hex(entry.place.transaction_hash)}"',
        f"  log: {entry.place.log_index}",
        f"  block: {entry.place.block_number}",
        f'  time: "{time.isoformat().replace("+00:00", "Z")}"',
    ]
    for account, token, amount in entry.postings:
        currency = heading.currencies[token]
        lines.append(f"  {account}  {currency.text(amount)} {currency.code}")
    return lines


def _balances(entries: Sequence[Entry], heading: Heading) -> list[str]:
    """What each account of tokens holds at the end: an assertion is about the beginning of its day."""
    held: dict[tuple[str, bytes], int] = {}
    for entry in entries:
        for account, token, amount in entry.postings:
            if account_of(account) is not None:
                held[account, token] = held.get((account, token), 0) + amount
    day = max(moment(entry.place.block_at).date() for entry in entries) + timedelta(days=1)
    return [
        f"{day} balance {account}  {heading.currencies[token].text(amount)} {heading.currencies[token].code}"
        for (account, token), amount in held.items()
    ]


def _text(value: str) -> str:
    """A string as Beancount reads it, on one line."""
    return '"' + printable(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
