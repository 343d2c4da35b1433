"""What DeliveryEscrow, its Receivable and the tokens have said, one value a log.

Pure. Journals and books are made of these: hundreds of thousands, so each is a plain tuple. Every one begins with the
`place` where it stands on the chain. Amounts are integers in the token's smallest unit, times block times in seconds.
`ledger.escrowlogs` reads them off the chain's bytes, `ledger.book` adds them up.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.orders import Cause, Terms


class LogPlace(NamedTuple):
    """Where a log stands: the block's number, the log's index in it, the block's time, the transaction's hash."""

    block_number: int
    log_index: int
    block_at: int
    transaction_hash: bytes


class Proposed(NamedTuple):
    """The buyer has proposed an order."""

    place: LogPlace
    order: bytes
    buyer: bytes
    seller: bytes
    nonce: int
    terms: Terms


class Accepted(NamedTuple):
    """The seller has accepted it."""

    place: LogPlace
    order: bytes


class Cancelled(NamedTuple):
    """One of the two, `party`, has cancelled it before it was funded."""

    place: LogPlace
    order: bytes
    party: bytes


class Funded(NamedTuple):
    """The buyer's account has put the whole amount in."""

    place: LogPlace
    order: bytes
    account: bytes
    amount: int


class Attested(NamedTuple):
    """An attestor has stated what it accepted of a delivery."""

    place: LogPlace
    order: bytes
    milestone: int
    delivery: bytes
    attestor: bytes
    signer: bytes
    record_hash: bytes
    happened_at: int
    accepted: int
    deduction_bps: int


class TakenBack(NamedTuple):
    """An attestor has taken its attestation of a delivery back before it was agreed."""

    place: LogPlace
    order: bytes
    milestone: int
    delivery: bytes
    attestor: bytes
    record_hash: bytes


class Agreed(NamedTuple):
    """Enough attestors state the same: `gross` has left the milestone's rest and become the delivery's item."""

    place: LogPlace
    order: bytes
    milestone: int
    delivery: bytes
    accepted: int
    gross: int
    reduction: int
    disputable_until: int


class Disputed(NamedTuple):
    """Buyer or payee, `by`, disputes an item."""

    place: LogPlace
    order: bytes
    milestone: int
    delivery: bytes
    by: bytes


class Paid(NamedTuple):
    """Money has left an item, which holds `held` now. `to_payee` is what the payee itself gets, after splits."""

    place: LogPlace
    order: bytes
    milestone: int
    delivery: bytes
    cause: Cause
    payee: bytes
    to_payee: int
    to_splits: int
    to_buyer: int
    held: int


class Credited(NamedTuple):
    """An amount is owed to a creditor: a party's name, or the account that holds the receivable."""

    place: LogPlace
    order: bytes
    creditor: bytes
    token: bytes
    amount: int


class Collected(NamedTuple):
    """All that was owed to a creditor has been paid to an account."""

    place: LogPlace
    token: bytes
    creditor: bytes
    receiver: bytes
    amount: int


class Ended(NamedTuple):
    """Nothing of the order is held any more."""

    place: LogPlace
    order: bytes


class ReceivableMoved(NamedTuple):
    """The order's receivable has moved: from nobody (20 zero bytes) when it is minted, to nobody when it is burned."""

    place: LogPlace
    order: bytes
    sender: bytes
    receiver: bytes


class TokenMoved(NamedTuple):
    """An amount of a token has moved from account to account; from nobody when it is minted."""

    place: LogPlace
    token: bytes
    sender: bytes
    receiver: bytes
    amount: int


OrderLog = (
    Proposed | Accepted | Cancelled | Funded | Attested | TakenBack | Agreed | Disputed | Paid | Credited | Ended
    | ReceivableMoved
)  # fmt: skip
"""A log that concerns one order."""
EscrowLog = OrderLog | Collected | TokenMoved
