"""Statements as ISO 20022 camt.053.001.08, BankToCustomerStatement: one Stmt an account, one Ntry a transfer.

Pure: statements in, bytes out; the times at which a file is made come in. Identifiers of a chain are longer than the
message's: the whole ones stand where there is room (docs/finance.md, "camt.053").
https://www.iso20022.org/iso-20022-message-definitions?business-domain=1
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from pyiso20022.camt import camt_053_001_08 as camt
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig
from xsdata.models.datatype import XmlDate, XmlDateTime

from ledger.books import Heading, moment, printable
from ledger.errors import AmountDoesNotFit
from ledger.hexadecimal import to_address, to_hex
from ledger.money import Currency
from ledger.record import keccak256
from ledger.statement import Movement, Statement

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
DIGITS_MAX, DECIMALS_MAX = 18, 5
"""Of an amount: ActiveOrHistoricCurrencyAndAmount, totalDigits and fractionDigits."""
ID_MAX = 34

_CREDIT, _DEBIT = camt.CreditDebitCode.CRDT, camt.CreditDebitCode.DBIT


def camt053(statements: Sequence[Statement], heading: Heading, created_at: int) -> bytes:
    """The message, UTF-8, of a party's statements for one period, at least one.

    Raises AmountDoesNotFit for an amount that is longer than the message's.
    """
    created = _time(created_at)
    about = b"".join(one.token + one.account for one in statements)
    period = b"".join(number.to_bytes(8, "big") for one in statements[:1] for number in (one.from_at, one.until_at))
    document = camt.Document(
        bk_to_cstmr_stmt=camt.BankToCustomerStatementV08(
            grp_hdr=camt.GroupHeader81(
                # The same statements make the same message, and whoever has read it knows it again.
                msg_id=keccak256(heading.party + about + period).hex()[:ID_MAX],
                cre_dt_tm=created,
            ),
            stmt=[_statement(one, heading, created) for one in statements],
        )
    )
    serializer = XmlSerializer(config=SerializerConfig(indent="  "))
    return serializer.render(document, ns_map={None: NAMESPACE}).encode()


def _statement(statement: Statement, heading: Heading, created: XmlDateTime) -> camt.AccountStatement9:
    currency = heading.currencies[statement.token]
    name = keccak256(statement.token + statement.account + statement.from_at.to_bytes(8, "big")).hex()[:ID_MAX]
    return camt.AccountStatement9(
        id=name,
        cre_dt_tm=created,
        fr_to_dt=camt.DateTimePeriod1(fr_dt_tm=_time(statement.from_at), to_dt_tm=_time(statement.until_at)),
        acct=camt.CashAccount39(
            id=camt.AccountIdentification4Choice(
                othr=camt.GenericAccountIdentification1(
                    id=to_address(statement.account)[:ID_MAX],
                    schme_nm=camt.AccountSchemeName1Choice(prtry="address, first 16 bytes"),
                )
            ),
            ccy=currency.code,
            nm=printable(heading.name)[:70],
            prxy=camt.ProxyAccountIdentification1(
                tp=camt.ProxyAccountType1Choice(prtry="CAIP-10"), id=heading.account_id(statement.account)
            ),
        ),
        bal=[
            _balance("OPBD", statement.opening, statement.from_at, currency),
            _balance("CLBD", statement.closing, statement.until_at - 1, currency),
        ],
        ntry=list(_entries(statement, heading, currency)),
    )


def _balance(code: str, amount: int, at: int, currency: Currency) -> camt.CashBalance8:
    return camt.CashBalance8(
        tp=camt.BalanceType13(cd_or_prtry=camt.BalanceType10Choice(cd=code)),
        amt=_amount(amount, currency),
        cdt_dbt_ind=_sign(amount),
        dt=camt.DateAndDateTime2Choice(dt=XmlDate.from_date(moment(at).date())),
    )


def _entries(statement: Statement, heading: Heading, currency: Currency) -> Iterator[camt.ReportEntry10]:
    """One entry a transfer; what of it came for which order stands in its details."""
    for place, group in groupby(statement.movements, key=lambda movement: movement.entry.place):
        movements = list(group)
        amount = sum(movement.amount for movement in movements)
        time = camt.DateAndDateTime2Choice(dt_tm=_time(place.block_at))
        yield camt.ReportEntry10(
            ntry_ref=f"{place.block_number}-{place.log_index}",
            amt=_amount(amount, currency),
            cdt_dbt_ind=_sign(amount),
            sts=camt.EntryStatus1Choice(cd="BOOK"),
            bookg_dt=time,
            val_dt=time,
            acct_svcr_ref=place.transaction_hash.hex()[:ID_MAX],
            bk_tx_cd=_code(movements[0], amount),
            ntry_dtls=[camt.EntryDetails9(tx_dtls=[_details(one, heading, currency) for one in movements])],
            addtl_ntry_inf=f"transaction {to_hex(place.transaction_hash)}, log {place.log_index}",
        )


def _code(movement: Movement, amount: int) -> camt.BankTransactionCodeStructure4:
    """A payment received or issued (external code set of ISO 20022), and what it was in our own word."""
    family = "RCDT" if amount >= 0 else "ICDT"
    return camt.BankTransactionCodeStructure4(
        domn=camt.BankTransactionCodeStructure5(
            cd="PMNT", fmly=camt.BankTransactionCodeStructure6(cd=family, sub_fmly_cd="OTHR")
        ),
        prtry=camt.ProprietaryBankTransactionCodeStructure1(cd=movement.entry.kind.value, issr="Tallystick"),
    )


def _details(movement: Movement, heading: Heading, currency: Currency) -> camt.EntryTransaction10:
    entry = movement.entry
    lines = []
    if entry.order is not None:
        lines.append(
            f"order {to_hex(entry.order)}" + ("" if entry.milestone is None else f" milestone {entry.milestone}")
        )
    if entry.delivery is not None and any(entry.delivery):
        lines.append(f"delivery {to_hex(entry.delivery)}")
    other = heading.counterparty(entry.counterparty)
    party = camt.Party40Choice(pty=camt.PartyIdentification135(nm=other[:140])) if other else None
    is_received = movement.amount >= 0
    return camt.EntryTransaction10(
        refs=camt.TransactionReferences6(end_to_end_id=entry.order.hex()[:ID_MAX] if entry.order else "NOTPROVIDED"),
        amt=_amount(movement.amount, currency),
        cdt_dbt_ind=_sign(movement.amount),
        rltd_pties=camt.TransactionParties6(
            dbtr=party if is_received else None, cdtr=None if is_received else party
        ) if party is not None else None,
        rmt_inf=camt.RemittanceInformation16(ustrd=lines) if lines else None,
    )  # fmt: skip


def _amount(amount: int, currency: Currency) -> camt.ActiveOrHistoricCurrencyAndAmount:
    text = currency.text(abs(amount))
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0") if len(decimals) > DECIMALS_MAX else decimals
    if len(decimals) > DECIMALS_MAX or len(whole) + len(decimals) > DIGITS_MAX:
        limit = f"{DIGITS_MAX} digits, {DECIMALS_MAX} of them decimals"
        raise AmountDoesNotFit(text, currency.code, "camt.053", limit)
    return camt.ActiveOrHistoricCurrencyAndAmount(
        value=Decimal(f"{whole}.{decimals}" if decimals else whole), ccy=currency.code
    )


def _sign(amount: int) -> camt.CreditDebitCode:
    return _CREDIT if amount >= 0 else _DEBIT


def _time(at: int) -> XmlDateTime:
    return XmlDateTime.from_datetime(moment(at))
