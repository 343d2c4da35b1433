"""Books beside the contracts themselves: lives of orders on a real chain, followed into a database, booked per party.

Whatever was played, tokens and credits in the books are what the token and the escrow say, at every block; and each
statement's two balances are the token's at its two times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from ledger import follower, orderbook
from ledger.abi import interface
from ledger.batch import AnchoringSettings
from ledger.chain import Call
from ledger.chart import account_of
from ledger.consortium import FOREVER, USES_ALL, RegistryDomain, consent_digest
from ledger.consortium import call as registry_call
from ledger.database import reading
from ledger.escrow import EscrowLog, LogPlace
from ledger.hexadecimal import to_address
from ledger.journal import Controlled, Entry, Journal, Kind, controllers, in_order
from ledger.judgement import Side, State
from ledger.keystore import LocalSigner
from ledger.money import Currency
from ledger.obligations import Obligations
from ledger.orders import DAY_S
from ledger.reconciliation import Knowledge, reconcile
from ledger.statement import statements
from ledger.tables import RegistryLogRow
from tests.conftest import running_anvil
from tests.databases import Databases
from tests.ledger.escrow_world import (
    ANVIL,
    ARBITER,
    COOPERATIVE,
    GROWER,
    MEMBERS,
    ROASTER,
    STRANGER,
    World,
    found,
)

SUCCESSOR = LocalSigner(b"\xab" * 32)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A chain on which a bit of everything has happened."""
    with running_anvil(*ANVIL) as anvil:
        world = found(anvil, money=10**7)
        play(world)
        yield world


def play(world: World) -> None:
    """Paid, late with a split, disputed and ruled, refunded, divided and released, sold and sold on, and a new key."""
    day = world.milestone(amount=31_166, due_at=world.now + DAY_S)
    paid = world.funded(world.terms(world.milestone()))
    world.settle(paid, world.attest(ROASTER, paid, "A", 1))
    world.settle(paid, world.attest(ROASTER, paid, "B", 2))
    world.collect(GROWER)

    late = world.funded(world.terms(replace(day, late_bps=150, late_cap_bps=400), splits=world.split(250)))
    world.mine(3 * DAY_S)
    world.settle(late, world.attest(ROASTER, late, "A", 2))
    world.collect(GROWER, COOPERATIVE, ROASTER)

    ruled = world.funded(world.terms(world.milestone(window_s=3_600, arbitration_s=7_200)))
    delivery = world.attest(ROASTER, ruled, "A", 3)
    world.act(ROASTER, "dispute", ruled, 0, delivery)
    world.act(ARBITER, "rule", ruled, 0, delivery, 6_667, seconds=3_601)
    world.collect(GROWER, ROASTER)

    divided = world.funded(world.terms(world.milestone(), world.milestone(amount=7)))
    world.divide(divided, bytes(32), 10_000, 30_000)
    world.act(ROASTER, "release", divided, 1, bytes(32))
    world.act(GROWER, "giveBack", divided, 0, bytes(32))
    world.act(GROWER, "collectTo", world.token, GROWER.address, STRANGER.address)

    sold = world.funded(world.terms(world.milestone()))
    world.mint(sold)
    world.transfer(sold, GROWER, COOPERATIVE.address)
    world.settle(sold, world.attest(ROASTER, sold, "A", 1))
    world.collect(COOPERATIVE)
    world.transfer(sold, COOPERATIVE, STRANGER.address)
    world.settle(sold, world.attest(ROASTER, sold, "B", 2))
    world.collect(STRANGER)

    transfer = interface("SettlementToken").call("transfer", COOPERATIVE.address, 1_234)
    world.send(GROWER, world.token, transfer)
    registry = world.deployment.party_registry
    domain = RegistryDomain(world.chain.chain_id, registry)
    consent = SUCCESSOR.sign(consent_digest(domain, GROWER.address, SUCCESSOR.address, USES_ALL, 0, FOREVER))
    world.send(GROWER, registry, registry_call("replaceController", SUCCESSOR.address, 2**64 - 1, consent))
    world.mine()
    refunded = world.propose(world.terms(replace(world.milestone(), grace_s=0)))
    world.act(SUCCESSOR, "accept", refunded)
    world.send(ROASTER, world.token, interface("SettlementToken").call("approve", world.escrow, 100_000))
    world.act(ROASTER, "fund", refunded)
    world.settle(refunded, world.attest(ROASTER, refunded, "A", 1))
    world.collect(GROWER)
    world.settle(refunded, seconds=12 * DAY_S)
    world.collect(ROASTER)


@pytest.fixture(scope="module")
def engine(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A node's database that has followed the chain to its end."""
    folder: Path = tmp_path_factory.mktemp("books")
    with Databases("sqlite", folder, None).ready() as engine:
        for _ in range(50):
            step = follower.step(engine, world.chain, world.deployment, AnchoringSettings(), 0)
            if not step.done and not step.is_waiting:
                break
        yield engine


@pytest.fixture(scope="module")
def controlled(engine: Engine) -> list[Controlled]:
    face = interface("PartyRegistry")
    with reading(engine) as session:
        rows = session.exec(
            select(RegistryLogRow).order_by(col(RegistryLogRow.block_number), col(RegistryLogRow.log_index))
        ).all()
    return controllers(
        (
            LogPlace(row.block_number, row.log_index, row.block_at, row.transaction_hash), row.name,
            face.arguments_from_json(row.name, row.arguments),
        )
        for row in rows
    )  # fmt: skip


@pytest.fixture(scope="module")
def logs_of(engine: Engine, controlled: list[Controlled]) -> Callable[[LocalSigner], list[EscrowLog]]:
    def logs_of(member: LocalSigner) -> list[EscrowLog]:
        accounts = {one.account for one in controlled if one.party == member.address}
        with reading(engine) as session:
            return list(orderbook.party_logs(session, member.address, accounts))

    return logs_of


@pytest.fixture(scope="module")
def book_of(
    world: World, controlled: list[Controlled], logs_of: Callable[[LocalSigner], list[EscrowLog]]
) -> Callable[[LocalSigner], list[Entry]]:
    """A party's entries, from what a node gives for the party."""

    def book_of(member: LocalSigner) -> list[Entry]:
        journal = Journal(member.address, world.escrow, {world.token: "XTS"})
        return journal.book(in_order(logs_of(member), controlled))

    return book_of


def account_now(controlled: list[Controlled], member: LocalSigner) -> bytes:
    return [one.account for one in controlled if one.party == member.address][-1]


def balance_at(world: World, account: bytes, block_number: int) -> int:
    face = interface("SettlementToken")
    (data,) = world.chain.call([Call(world.token, face.call("balanceOf", account))], block_number)
    return int(face.answer("balanceOf", data)[0])


@pytest.mark.parametrize("member", MEMBERS)
def test_tokens_and_credits_are_what_token_and_escrow_say(
    world: World, controlled: list[Controlled], book_of: Callable[[LocalSigner], list[Entry]], member: LocalSigner
) -> None:
    held: dict[str, int] = {}
    for entry in book_of(member):
        assert sum(posting.amount for posting in entry.postings) == 0
        for posting in entry.postings:
            held[posting.account] = held.get(posting.account, 0) + posting.amount
    assert held.get("Assets:Credit", 0) == world.ask("DeliveryEscrow", "creditOf", world.token, member.address)
    account = account_now(controlled, member)
    assert held.get(f"Assets:Token:XTS:{to_address(account)}", 0) == world.balance(account)
    for name, amount in held.items():
        if name.startswith("Assets:Former:"):
            assert amount == world.balance(bytes.fromhex((account_of(name) or "")[2:]))
    assert "Equity:Accounts" not in held
    if member is ROASTER:
        # The only buyer: all that the escrow has and owes nobody is in its orders.
        owed = sum(world.ask("DeliveryEscrow", "creditOf", world.token, one.address) for one in (*MEMBERS, STRANGER))
        escrowed = sum(amount for name, amount in held.items() if name.startswith("Assets:Escrow:"))
        assert escrowed == world.balance(world.escrow) - owed > 0


@pytest.mark.parametrize("member", [ROASTER, GROWER, COOPERATIVE])
def test_a_statements_balances_are_the_tokens_at_its_two_times(
    world: World, controlled: list[Controlled], book_of: Callable[[LocalSigner], list[Entry]], member: LocalSigner
) -> None:
    entries = book_of(member)
    places = list(dict.fromkeys((entry.place.block_number, entry.place.block_at) for entry in entries))
    account = account_now(controlled, member)
    for (first, first_at), (last, last_at) in zip(places, places[3:], strict=False):
        for statement in statements(entries, world.token, account, first_at, last_at + 1):
            # At a time is what blocks before it left: a block earlier, and the last block itself.
            moved = balance_at(world, statement.account, last) - balance_at(world, statement.account, first - 1)
            assert statement.closing - statement.opening == moved
            assert statement.closing == balance_at(world, statement.account, last)


def test_every_word_of_the_chain_is_booked(book_of: Callable[[LocalSigner], list[Entry]]) -> None:
    kinds = {entry.kind for member in MEMBERS for entry in book_of(member)}
    assert kinds == set(Kind) - {Kind.RECEIVABLE_SOLD, Kind.RECEIVABLE_BOUGHT, Kind.BURNED, Kind.MOVED, Kind.TAKEN_UP}


def test_splits_and_sold_receivables_are_booked_on_both_sides(book_of: Callable[[LocalSigner], list[Entry]]) -> None:
    def total(member: LocalSigner, account: str) -> int:
        return sum(
            posting.amount for entry in book_of(member) for posting in entry.postings
            if posting.account.startswith(account)
        )  # fmt: skip

    assert total(GROWER, "Expenses:Splits") == -total(COOPERATIVE, "Income:Splits") > 0
    # A third of the sold order was paid to the cooperative; the rest to who had it then, and is no party.
    assert total(COOPERATIVE, "Assets:Receivables") == -33_333
    assert total(GROWER, "Liabilities:Receivables") == 100_000
    assert total(ROASTER, "Expenses:Purchases") == -total(GROWER, "Income:Sales")


def test_deliveries_without_invoices_are_all_found(
    world: World, logs_of: Callable[[LocalSigner], list[EscrowLog]]
) -> None:
    knowledge = Knowledge({}, {world.token: Currency("XTS", 2)})
    for member, side in ((ROASTER, Side.BUYER), (GROWER, Side.SELLER)):
        items = reconcile(member.address, Obligations(logs_of(member)), [], [], knowledge)
        assert {item.state for item in items} == {State.INVOICE_MISSING}
        assert items == reconcile(member.address, Obligations(logs_of(member)), [], [], knowledge, side=side)
