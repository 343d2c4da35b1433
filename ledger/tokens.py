"""step(): what tokens say of themselves, asked once. And what an account has of them, asked whenever it counts.

A token is a stranger's contract: what it answers is taken for what it is worth, what it does not answer is left open.
https://eips.ethereum.org/EIPS/eip-20, https://eips.ethereum.org/EIPS/eip-2612
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, update
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, or_, select

from ledger.abi import interface
from ledger.chain import Call, Chain
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.errors import ChainError, ChainReason, UnknownToken
from ledger.hexadecimal import to_address
from ledger.ordertables import TokenRow
from ledger.progress import Progress

ASKED_MAX = 16
SYMBOL_MAX = 16
DECIMALS_MAX = 36
"""A token of more can't be shown in any way that people read."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself."""

    address: bytes
    decimals: int
    symbol: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account has of a token, and how much of it a spender may take, in the token's smallest unit."""

    balance: int
    allowance: int


def step(engine: Engine, chain: Chain, deployment: Deployment) -> Progress:
    """Asks the tokens of orders, and those that the settings name, what they are. Costs nothing where all are known.

    Raises ChainError where the chain is out of reach.
    """
    if deployment.escrow is None:
        return Progress()
    watched = list(deployment.escrow.tokens)
    with reading(engine) as session:
        is_wanted = or_(col(TokenRow.is_asked).is_(False), col(TokenRow.address).in_(watched))
        rows = session.exec(select(TokenRow.address, TokenRow.is_asked).where(is_wanted)).all()
    unasked = [address for address, is_asked in rows if not is_asked]
    new = [address for address in watched if address not in {address for address, _ in rows}]
    asked = [*unasked, *new][:ASKED_MAX]
    if not asked:
        return Progress()
    found = {address: _ask(chain, address) for address in asked}
    with writing(engine, durable=False) as session:
        known = set(session.exec(select(TokenRow.address).where(col(TokenRow.address).in_(asked))))
        for address, (decimals, symbol) in found.items():
            values = {"is_asked": True, "decimals": decimals, "symbol": symbol}
            is_it = col(TokenRow.address) == address
            session.execute(
                update(TokenRow).where(is_it).values(values)
                if address in known
                else insert(TokenRow).values(address=address, **values)
            )
    return Progress(len(asked))


def token_of(session: Session, address: bytes) -> Token:
    """What the token has said of itself. Raises UnknownToken where it was not asked yet, or does not say."""
    row = session.get(TokenRow, address)
    if row is None or row.decimals is None:
        raise UnknownToken(to_address(address), is_asked=row is not None and row.is_asked)
    return Token(row.address, row.decimals, row.symbol)


def holding_of(chain: Chain, token: bytes, account: bytes, spender: bytes) -> Holding:
    """What the account has, and how much of it the spender may take, at the newest block. Raises ChainError."""
    face = interface("SettlementToken")
    calls = [Call(token, face.call("balanceOf", account)), Call(token, face.call("allowance", account, spender))]
    balance, allowance = chain.call(calls, chain.head().number)
    return Holding(_number(balance), _number(allowance))


def permit_terms(chain: Chain, token: bytes, owner: bytes) -> tuple[bytes, int] | None:
    """(domain separator, next nonce) for an EIP-2612 permit; None where the token knows no permits."""
    face = interface("SettlementToken")
    calls = [Call(token, face.call("DOMAIN_SEPARATOR")), Call(token, face.call("nonces", owner))]
    try:
        separator, nonce = chain.call(calls, chain.head().number)
    except ChainError as error:
        if error.reason is not ChainReason.REVERTED:
            raise
        return None
    return (separator, _number(nonce)) if len(separator) == len(nonce) == 32 else None


def _ask(chain: Chain, token: bytes) -> tuple[int | None, str]:
    decimals, symbol = _answer(chain, token, "decimals"), _answer(chain, token, "symbol")
    count = decimals if isinstance(decimals, int) and 0 <= decimals <= DECIMALS_MAX else None
    text = symbol if isinstance(symbol, str) and symbol.isprintable() else ""
    return count, text[:SYMBOL_MAX]


def _answer(chain: Chain, token: bytes, function: str) -> object:
    """The token's own word, None where it has none."""
    face = interface("SettlementToken")
    try:
        (data,) = chain.call([Call(token, face.call(function))], chain.head().number)
        return face.answer(function, data)[0]
    except ValueError:
        return None
    except ChainError as error:
        if error.reason is not ChainReason.REVERTED:
            raise
        return None


def _number(data: bytes) -> int:
    if len(data) != 32:
        raise ChainError(ChainReason.NO_CONTRACT, "the order's token does not answer as an ERC-20 token does")
    return int.from_bytes(data, "big")
