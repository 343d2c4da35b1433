"""journal: each worked example of docs/finance.md, and what holds of any history."""

from __future__ import annotations

from collections import defaultdict
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.escrow import TokenMoved
from ledger.hexadecimal import to_address
from ledger.journal import Entry, Journal, Kind
from ledger.orders import REST, Cause, Split
from ledger.statement import statements
from tests.ledger.trade import (
    BANK,
    COOPERATIVE,
    ESCROW,
    GROWER,
    OTHER_TOKEN,
    PARTIES,
    RETAILER,
    ROASTER,
    STRANGER,
    TOKEN,
    Trade,
)

CODES = {TOKEN: "XTS"}


def token_of(account: bytes) -> str:
    return f"Assets:Token:XTS:{to_address(account)}"


def entries(trade: Trade, party: bytes) -> list[Entry]:
    return Journal(party, ESCROW, CODES).book(trade.logs)


def balances(trade: Trade, party: bytes) -> dict[str, int]:
    """What stands on each account of the party's chart; nothing is left out, an order's account is cut off."""
    found: defaultdict[str, int] = defaultdict(int)
    for entry in entries(trade, party):
        for posting in entry.postings:
            name = posting.account
            order_accounts = ("Assets:Escrow:", "Assets:Receivables:", "Liabilities:Receivables:")
            found[name.rpartition(":")[0] if name.startswith(order_accounts) else name] += posting.amount
    return {name: amount for name, amount in found.items() if amount}


@pytest.fixture
def trade() -> Trade:
    """The roaster has 10,000.00."""
    trade = Trade()
    trade.mint(ROASTER, 1_000_000)
    return trade


def test_funding_turns_tokens_into_an_escrowed_claim(trade: Trade) -> None:
    trade.order((100_000, 1_000))
    assert balances(trade, ROASTER) == {
        token_of(ROASTER): 900_000, "Assets:Escrow": 100_000, "Equity:Minted": -1_000_000,
    }  # fmt: skip
    assert balances(trade, GROWER) == {}


def test_a_paid_delivery_is_a_purchase_and_a_sale(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.end(order, trade.deliver(order, 1_000))
    assert balances(trade, ROASTER) == {
        token_of(ROASTER): 900_000, "Expenses:Purchases": 100_000, "Equity:Minted": -1_000_000,
    }  # fmt: skip
    assert balances(trade, GROWER) == {token_of(GROWER): 100_000, "Income:Sales": -100_000}
    settled, collected = entries(trade, GROWER)
    assert (settled.kind, settled.order, settled.milestone, settled.counterparty) == (Kind.SETTLED, order, 0, ROASTER)
    assert (collected.kind, collected.order, collected.milestone) == (Kind.COLLECTED, order, 0)


def test_what_is_settled_and_not_collected_is_a_claim_on_the_escrow(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.end(order, trade.deliver(order, 1_000), collect=False)
    assert balances(trade, GROWER) == {"Assets:Credit": 100_000, "Income:Sales": -100_000}


def test_a_late_penalty_lessens_the_sale_and_the_purchase(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.end(order, trade.deliver(order, 1_000, reduction=650))
    assert balances(trade, GROWER) == {
        token_of(GROWER): 93_500, "Income:Sales": -100_000, "Income:Reductions": 6_500,
    }  # fmt: skip
    assert balances(trade, ROASTER) == {
        token_of(ROASTER): 906_500, "Expenses:Purchases": 100_000, "Expenses:Reductions": -6_500,
        "Equity:Minted": -1_000_000,
    }  # fmt: skip


def test_a_refunded_rest_was_never_the_sellers(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.end(order)
    assert entries(trade, GROWER) == []
    assert balances(trade, ROASTER) == {token_of(ROASTER): 1_000_000, "Equity:Minted": -1_000_000}


def test_a_delivery_that_is_given_back_is_a_sale_taken_back(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.end(order, trade.deliver(order, 1_000), cause=Cause.GIVEN_BACK)
    assert balances(trade, GROWER) == {"Income:Sales": -100_000, "Income:Reductions": 100_000}


def test_a_ruling_pays_one_part_and_returns_the_other(trade: Trade) -> None:
    order = trade.order((35_001, 1_000))
    trade.end(order, trade.deliver(order, 1_000), cause=Cause.RULED, bps=6_667)
    assert balances(trade, GROWER) == {
        token_of(GROWER): 23_335, "Income:Sales": -35_001, "Income:Reductions": 11_666,
    }  # fmt: skip
    assert entries(trade, GROWER)[0].kind is Kind.RULED


def test_a_rest_that_is_released_or_divided_is_income_for_no_delivery(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.pay(order, 0, REST, Cause.DIVIDED, 10_000, 30_000)
    assert balances(trade, GROWER) == {token_of(GROWER): 10_000, "Income:Undelivered": -10_000}
    assert balances(trade, ROASTER) == {
        token_of(ROASTER): 930_000, "Assets:Escrow": 60_000, "Expenses:Undelivered": 10_000,
        "Equity:Minted": -1_000_000,
    }  # fmt: skip


def test_a_split_is_the_sellers_expense_and_its_receivers_income(trade: Trade) -> None:
    order = trade.order((31_166, 1), splits=(Split(COOPERATIVE, 250), Split(RETAILER, 1_000)))
    trade.end(order, trade.deliver(order, 1))
    assert balances(trade, GROWER) == {
        token_of(GROWER): 27_271, "Income:Sales": -31_166, "Expenses:Splits": 3_895,
    }  # fmt: skip
    assert balances(trade, COOPERATIVE) == {token_of(COOPERATIVE): 779, "Income:Splits": -779}
    assert balances(trade, RETAILER) == {token_of(RETAILER): 3_116, "Income:Splits": -3_116}


def test_a_split_back_to_the_seller_or_the_buyer_is_theirs_as_well(trade: Trade) -> None:
    order = trade.order((10_000, 1), splits=(Split(GROWER, 1_000), Split(ROASTER, 500)))
    trade.end(order, trade.deliver(order, 1))
    assert balances(trade, GROWER) == {
        token_of(GROWER): 9_500, "Income:Sales": -10_000, "Expenses:Splits": 1_500, "Income:Splits": -1_000,
    }  # fmt: skip
    assert balances(trade, ROASTER)["Income:Splits"] == -500


def test_a_sold_receivable_is_owed_to_its_holder_until_the_buyer_pays(trade: Trade) -> None:
    trade.mint(BANK, 500_000)
    order = trade.order((100_000, 1_000))
    trade.tokenise(order)
    trade.sell(order, BANK, 95_000)
    assert balances(trade, GROWER) == {token_of(GROWER): 95_000, "Liabilities:Receivables": -95_000}
    assert balances(trade, BANK) == {
        token_of(BANK): 405_000, "Assets:Receivables": 95_000, "Equity:Minted": -500_000,
    }  # fmt: skip
    trade.end(order, trade.deliver(order, 1_000))
    # The 50.00 that the deal cost stand on the deal's account: only a person knows whether that was all of its price.
    assert balances(trade, GROWER) == {
        token_of(GROWER): 95_000, "Income:Sales": -100_000, "Liabilities:Receivables": 5_000,
    }  # fmt: skip
    assert balances(trade, BANK) == {
        token_of(BANK): 505_000, "Assets:Receivables": -5_000, "Equity:Minted": -500_000,
    }  # fmt: skip


def test_a_receivable_that_moves_without_a_price_leaves_no_entry_until_it_pays(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.tokenise(order)
    trade.sell(order, BANK)
    assert entries(trade, GROWER) == entries(trade, BANK) == []


def test_two_receivables_for_one_sum_are_for_a_person(trade: Trade) -> None:
    trade.mint(BANK, 500_000)
    orders = [trade.order((100_000, 1_000)) for _ in range(2)]
    for order in orders:
        trade.tokenise(order)
    with trade.together():
        trade.move(BANK, GROWER, 190_000)
        for order in orders:
            trade.sell(order, BANK)
    assert balances(trade, GROWER) == {token_of(GROWER): 190_000, "Equity:Transfers": -190_000}


def test_entries_stand_in_the_order_of_the_chain(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    delivery = trade.deliver(order, 1_000)
    with trade.together():
        trade.move(ROASTER, GROWER, 5)
        trade.end(order, delivery)
    assert [entry.kind for entry in entries(trade, GROWER)] == [Kind.RECEIVED, Kind.SETTLED, Kind.COLLECTED]


def test_a_minted_receivable_that_stays_is_the_sellers_money(trade: Trade) -> None:
    trade.control(GROWER, STRANGER)
    order = trade.order((100_000, 1_000))
    trade.tokenise(order)
    trade.end(order, trade.deliver(order, 1_000), collect=False)
    assert balances(trade, GROWER) == {f"Assets:Credit:{to_address(STRANGER)}": 100_000, "Income:Sales": -100_000}
    trade.collect(STRANGER)
    assert balances(trade, GROWER) == {token_of(STRANGER): 100_000, "Income:Sales": -100_000}


def test_what_is_collected_to_a_foreign_account_is_a_transfer(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    trade.end(order, trade.deliver(order, 1_000), collect=False)
    trade.collect(GROWER, receiver=BANK)
    assert balances(trade, GROWER) == {"Income:Sales": -100_000, "Equity:Transfers": 100_000}
    assert balances(trade, BANK) == {token_of(BANK): 100_000, "Equity:Transfers": -100_000}
    assert entries(trade, BANK)[0].counterparty == GROWER


def test_one_collecting_of_several_orders_says_what_came_for_which(trade: Trade) -> None:
    first, second = trade.order((100_000, 1_000)), trade.order((5_000, 10))
    trade.end(first, trade.deliver(first, 1_000), collect=False)
    trade.end(second, trade.deliver(second, 10), collect=False)
    trade.collect(GROWER)
    collected = [entry for entry in entries(trade, GROWER) if entry.kind is Kind.COLLECTED]
    assert [(entry.order, entry.postings[0].amount) for entry in collected] == [(first, 100_000), (second, 5_000)]
    assert len({entry.place for entry in collected}) == 1


def test_a_credit_of_later_in_a_transaction_is_not_what_was_collected_before(trade: Trade) -> None:
    order = trade.order((100_000, 1_000))
    first, second = trade.deliver(order, 400, note="DA-1"), trade.deliver(order, 600, note="DA-2")
    with trade.together():
        trade.end(order, first)
        trade.end(order, second, collect=False)
    assert balances(trade, GROWER) == {
        token_of(GROWER): 40_000, "Assets:Credit": 60_000, "Income:Sales": -100_000,
    }  # fmt: skip


def test_what_a_token_keeps_of_a_transfer_is_a_loss_of_whom_it_was_owed_to(trade: Trade) -> None:
    first, second = trade.order((100_000, 1_000)), trade.order((5_000, 10))
    for order, quantity in ((first, 1_000), (second, 10)):
        trade.end(order, trade.deliver(order, quantity), collect=False)
    trade.collect(GROWER)
    moved = trade.logs[-2]
    assert isinstance(moved, TokenMoved)
    trade.logs[-2] = moved._replace(amount=103_000)
    assert balances(trade, GROWER) == {
        token_of(GROWER): 103_000, "Income:Sales": -105_000, "Expenses:TokenLoss": 2_000,
    }  # fmt: skip


def test_a_replaced_controllers_account_is_kept_apart(trade: Trade) -> None:
    trade.mint(STRANGER, 7)
    trade.control(ROASTER, STRANGER)
    assert balances(trade, ROASTER) == {
        f"Assets:Former:XTS:{to_address(ROASTER)}": 1_000_000, token_of(STRANGER): 7,
        "Equity:Minted": -1_000_000, "Equity:Accounts": -7,
    }  # fmt: skip
    trade.move(ROASTER, STRANGER, 1_000_000)
    assert balances(trade, ROASTER) == {
        token_of(STRANGER): 1_000_007, "Equity:Minted": -1_000_000, "Equity:Accounts": -7,
    }  # fmt: skip


def test_what_moves_in_the_transaction_of_a_replacement_moved_before_it(trade: Trade) -> None:
    with trade.together():
        trade.move(ROASTER, BANK, 250_000)
        trade.control(ROASTER, STRANGER)
    former = f"Assets:Former:XTS:{to_address(ROASTER)}"
    assert balances(trade, ROASTER) == {former: 750_000, "Equity:Minted": -1_000_000, "Equity:Transfers": 250_000}


def test_plain_transfers_mints_and_burns(trade: Trade) -> None:
    trade.move(ROASTER, RETAILER, 30)
    trade.move(ROASTER, bytes(20), 5)
    assert balances(trade, RETAILER) == {token_of(RETAILER): 30, "Equity:Transfers": -30}
    kinds = [(entry.kind, entry.counterparty) for entry in entries(trade, ROASTER)]
    assert kinds == [(Kind.MINTED, None), (Kind.SENT, RETAILER), (Kind.BURNED, None)]


def test_tokens_given_to_the_escrow_are_gone(trade: Trade) -> None:
    trade.move(ROASTER, ESCROW, 40)
    assert balances(trade, ROASTER)["Equity:Transfers"] == 40


def test_a_token_without_a_code_is_not_booked_and_its_orders_say_so(trade: Trade) -> None:
    trade.mint(ROASTER, 50, OTHER_TOKEN)
    order = trade.order((50, 1), token=OTHER_TOKEN)
    trade.end(order, trade.deliver(order, 1))
    journal = Journal(GROWER, ESCROW, CODES)
    assert journal.book(trade.logs) == []
    assert journal.unbooked == {OTHER_TOKEN}


# ------------------------------------------------------------------------------------------------- of any history

CAUSES = {"settle": Cause.SETTLED, "release": Cause.RELEASED, "give_back": Cause.GIVEN_BACK, "rule": Cause.RULED}
WORDS = [*CAUSES, "order", "deliver", "divide", "collect", "collect_to", "sell", "mint", "move", "control"]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(WORDS),
        st.integers(0, 2**16),
        st.integers(0, 2**16),
    ),
    max_size=40,
)


def play(acts: list[tuple[str, int, int]]) -> Trade:
    """Some history: numbers choose among what is possible."""
    trade = Trade()
    for index, party in enumerate(PARTIES):
        trade.mint(party, 10**6 + index)
    number = 0
    while number < len(acts):
        # Now and then two things happen in one transaction.
        count = 2 if acts[number][1] % 3 == 0 else 1
        with trade.together() if count == 2 else nullcontext():
            for act in acts[number : number + count]:
                happen(trade, *act)
        number += count
    return trade


def happen(trade: Trade, act: str, one: int, other: int) -> None:
    """Something that somebody does."""
    people = [*PARTIES, STRANGER]
    party, second = people[one % len(people)], people[other % len(people)]
    open_items = [name for name, item in trade.items.items() if item.amount]
    if act == "order":
        splits = (Split(second, other % 3_000 + 1),) if other % 2 and second != STRANGER else ()
        buyer, seller = PARTIES[one % 5], PARTIES[(one + 1 + other % 4) % 5]
        trade.order((one + 1, other % 50 + 1), (other + 7, 3), buyer=buyer, seller=seller, splits=splits)
    elif act == "mint":
        trade.mint(party, other)
    elif act == "move":
        trade.move(party, second, other)
    elif act == "control" and party != STRANGER:
        trade.control(party, len(trade.logs).to_bytes(20, "big"))
    elif act.startswith("collect"):
        trade.collect(party, receiver=second if act == "collect_to" else None)
    elif open_items:
        touch(trade, act, open_items[one % len(open_items)], one, other)


def touch(trade: Trade, act: str, item: tuple[bytes, int, bytes], one: int, other: int) -> None:
    """Something that concerns an item which holds money."""
    order, milestone, delivery = item
    if act == "sell":
        trade.sell(order, [*PARTIES, STRANGER][one % 6], other)
    elif act == "deliver" and delivery == REST:
        note = f"DA-{len(trade.logs)}"
        trade.deliver(order, other % 40 + 1, milestone=milestone, note=note, reduction=one % 10_001)
    elif act == "divide":
        paid = one % (trade.items[item].amount + 1)
        trade.pay(*item, Cause.DIVIDED, paid, other % (trade.items[item].amount - paid + 1))
    elif act in CAUSES:
        collect = bool(one % 2)
        trade.end(order, delivery, milestone=milestone, cause=CAUSES[act], bps=other % 10_001, collect=collect)


@given(acts=ACTS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_history_is_booked_to_the_last_unit(acts: list[tuple[str, int, int]], data: st.DataObject) -> None:
    trade = play(acts)
    party = data.draw(st.sampled_from(PARTIES))
    booked = entries(trade, party)
    for entry in booked:
        assert sum(posting.amount for posting in entry.postings) == 0
        assert {posting.token for posting in entry.postings} == {TOKEN}
    assert [entry.place[:2] for entry in booked] == sorted(entry.place[:2] for entry in booked)
    found = balances(trade, party)
    # What the token says of the account that acts for the party, and of those that did.
    acting = token_of(trade.controller[party])
    assert found.get(acting, 0) == trade.balance(trade.controller[party])
    assert {name for name in found if name.startswith("Assets:Token:")} <= {acting}
    for name, amount in found.items():
        if name.startswith("Assets:Former:"):
            account = bytes.fromhex(name.rpartition(":")[2][2:])
            assert amount == trade.balance(account)
    assert found.get("Assets:Credit", 0) == trade.credits.get((TOKEN, party), 0)
    escrowed = sum(item.amount for (order, _, _), item in trade.items.items() if trade.terms[order].buyer == party)
    assert found.get("Assets:Escrow", 0) == escrowed


@given(acts=ACTS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_journal_is_the_same_however_its_blocks_come(acts: list[tuple[str, int, int]], data: st.DataObject) -> None:
    trade = play(acts)
    party = data.draw(st.sampled_from(PARTIES))
    whole = entries(trade, party)
    ends = sorted({0, *(i for i in range(1, len(trade.logs)) if trade.logs[i - 1].place[0] != trade.logs[i].place[0])})
    cuts = sorted(data.draw(st.lists(st.sampled_from(ends), max_size=6)))
    journal = Journal(party, ESCROW, CODES)
    for begin, end in zip([0, *cuts], [*cuts, len(trade.logs)], strict=True):
        journal.book(trade.logs[begin:end])
    assert journal.entries == whole == entries(trade, party)


@given(acts=ACTS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_statement_is_the_tokens_own_balance_at_both_ends(
    acts: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    trade = play(acts)
    party = data.draw(st.sampled_from(PARTIES))
    times = st.sampled_from(sorted({log.place.block_at for log in trade.logs}))
    from_at, until_at = sorted([data.draw(times), data.draw(times) + 1])
    for statement in statements(entries(trade, party), TOKEN, trade.controller[party], from_at, until_at):
        taken_up = next(
            log.place
            for log in trade.logs
            if isinstance(log, type(trade.logs[0])) and log[1:] == (party, statement.account)
        )
        for at, balance in ((from_at, statement.opening), (until_at, statement.closing)):
            if at > taken_up.block_at:
                assert balance == balance_at(trade, statement.account, at)
        assert statement.closing - statement.opening == sum(movement.amount for movement in statement.movements)


def balance_at(trade: Trade, account: bytes, at: int) -> int:
    """What the token itself has for the account just before that time."""
    moved = [log for log in trade.logs if isinstance(log, TokenMoved) and log.place.block_at < at]
    return sum(log.amount * ((log.receiver == account) - (log.sender == account)) for log in moved)
