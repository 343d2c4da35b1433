"""What can go wrong on the ledger's floor. Every error has a stable `code` that callers and clients branch on."""

from __future__ import annotations

from enum import StrEnum


class LedgerError(Exception):
    """Base of every error of this floor. `code` is stable; the message says what to do."""

    code = "ledger_error"


class InvalidHex(LedgerError):
    """The text is not `0x` and lower-case digits of the length that the field has."""

    code = "invalid_hex"

    def __init__(self, text: object, size: int) -> None:
        super().__init__(f"{str(text)[:80]!r} is not 0x and {size * 2} lower-case hex digits")
        self.text, self.size = text, size


class BadSignature(LedgerError):
    """The signature has not the allowed form, or recovers to no signer."""

    code = "bad_signature"


class BadChecksum(LedgerError):
    """An address in mixed case whose EIP-55 checksum does not hold."""

    code = "bad_checksum"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text} is an address whose EIP-55 checksum does not hold: check it for a typing error")
        self.text = text


class KeyFileError(LedgerError):
    """Base of what can be wrong with a key file."""

    code = "key_file_error"


class KeyNotFound(KeyFileError):
    """There is no key file of that name in the data folder."""

    code = "key_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"no key file named {name!r}: see `tally party list`, or put NAME.json into DATA/keys")
        self.name = name


class KeyLocked(KeyFileError):
    """The key file can't be opened with the password given, or none was given."""

    code = "key_locked"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"key {name!r} stays locked: {reason}")
        self.name = name


class SequenceTaken(LedgerError):
    """The signer has used this sequence number for another record (PROOF-FORMAT 1: never for two)."""

    code = "sequence_taken"

    def __init__(self, signer: str, sequence: int) -> None:
        super().__init__(f"{signer} has already used the sequence number {sequence} for another record")
        self.signer, self.sequence = signer, sequence


class NumbersUnknown(LedgerError):
    """The node was restored from a backup, and does not know which numbers this key has used since."""

    code = "numbers_unknown"

    def __init__(self, signer: str) -> None:
        super().__init__(
            f"this node was restored from a backup and does not know which sequence numbers {signer} has used since: "
            f"`tally party signer skip {signer}` skips 2^32 of them, or retire the key (`tally party signer revoke`) "
            "and authorise another"
        )
        self.signer = signer


class SignerNotAuthorised(LedgerError):
    """The key does not stand for the party. Ask the party's controller to authorise it, or sign with another key."""

    code = "signer_not_authorised"

    def __init__(self, signer: str, party: str) -> None:
        super().__init__(f"{signer} does not stand for {party}: have its controller authorise it, or use another key")
        self.signer, self.party = signer, party


class UnknownParty(LedgerError):
    """No party of the consortium has this name, GLN or account."""

    code = "unknown_party"

    def __init__(self, name: str) -> None:
        super().__init__(f"no party {name!r} in the registry: see `tally party list`")
        self.name = name


class ChainReason(StrEnum):
    """Why the chain gave no usable answer; whether a retry can help follows from it."""

    UNREACHABLE = "unreachable"
    WRONG_CHAIN = "wrong_chain"
    NO_CONTRACT = "no_contract"
    NONCE_TOO_LOW = "nonce_too_low"
    UNDERPRICED = "underpriced"
    ALREADY_KNOWN = "already_known"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    REVERTED = "reverted"
    TOO_MUCH = "too_much"
    BAD_ANSWER = "bad_answer"


class ChainError(LedgerError):
    """The chain did not answer, or answered with a refusal. Callers branch on `reason`, never on the text."""

    def __init__(self, reason: ChainReason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail
        self.code = f"chain_{reason.value}"

    @property
    def is_retryable(self) -> bool:
        """True where the same request may succeed later without any change."""
        return self.reason in (ChainReason.UNREACHABLE, ChainReason.BAD_ANSWER)


class UnknownLog(LedgerError):
    """A log that none of the contract's events explains. It is set aside; those after it are read on."""

    code = "unknown_log"


class WrongDeployment(LedgerError):
    """The data folder belongs to another chain or other contracts than those it is being used with."""

    code = "wrong_deployment"


class DatabaseNotWritable(LedgerError):
    """The database can't be written now: somebody holds its lock, it is read-only, full, or out of reach."""

    code = "database_not_writable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database can't be written: {reason}")
        self.reason = reason


class RebuildUnderWay(LedgerError):
    """Another process is making the derived tables again."""

    code = "rebuild_under_way"

    def __init__(self, folder: str) -> None:
        super().__init__(f"another process rebuilds this node ({folder}): wait until it is done")
        self.folder = folder


class DevnetError(LedgerError):
    """The embedded chain can't be started or replayed."""

    code = "devnet_error"


class BadTerms(LedgerError):
    """Terms of an order that the contract would refuse. `field` is a path: `milestones[1].threshold`."""

    code = "bad_terms"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field, self.reason = field, reason


class NoEscrow(LedgerError):
    """The deployment has no DeliveryEscrow: no order is paid through this node."""

    code = "no_escrow"

    def __init__(self) -> None:
        super().__init__("no orders here: set delivery_escrow in node.toml to the address of the consortium's")


class UnknownOrder(LedgerError):
    """No order of that id has been proposed, as far as the chain has been read."""

    code = "unknown_order"

    def __init__(self, order: bytes) -> None:
        super().__init__(f"no order 0x{order.hex()} on the chain: check the id, or wait until it has been read")
        self.order = order


class OrderRefused(LedgerError):
    """Base of why an action on an order would be refused. `field` is what is wrong, `reason` says how."""

    code = "order_refused"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field, self.reason = field, reason


class WrongState(OrderRefused):
    """The order or its item is in a state in which that can't be done."""

    code = "wrong_state"


class WrongTime(OrderRefused):
    """It is too early for that, or too late."""

    code = "wrong_time"


class NotEntitled(OrderRefused):
    """Somebody else has the right to do that."""

    code = "not_entitled"


class NotEnoughMoney(OrderRefused):
    """The account has less, or has allowed less to be taken, than is needed."""

    code = "not_enough_money"


class PaymentUnderWay(OrderRefused):
    """The account pays in for another order, and no block has taken it: a second permit would have the same number."""

    code = "payment_under_way"


class UnknownItem(OrderRefused):
    """The order has no such milestone, or no such delivery has been agreed."""

    code = "unknown_item"


class BadShare(OrderRefused):
    """An amount or a share that can't be meant: nothing, less than nothing, or more than there is."""

    code = "bad_share"


class UnknownToken(LedgerError):
    """A token whose decimals are not known: amounts of it can't be read or shown."""

    code = "unknown_token"

    def __init__(self, token: str, *, is_asked: bool) -> None:
        what_to_do = "it does not say how many decimals it has" if is_asked else "wait until the worker has asked it"
        super().__init__(f"nothing is known of the token {token}: {what_to_do}")
        self.token = token


class InvoiceFileError(LedgerError):
    """A file of invoices that can't be read as one at all. What is wrong in a row is listed, not raised."""

    code = "bad_invoice_file"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the invoices can't be read: {reason}")
        self.reason = reason


class AmountDoesNotFit(LedgerError):
    """An amount that the format asked for can't carry to the last unit. Another format does."""

    code = "amount_does_not_fit"

    def __init__(self, amount: str, currency: str, format_name: str, limit: str) -> None:
        super().__init__(f"{amount} {currency} has no place in {format_name}, which takes {limit}: use another format")
        self.amount, self.currency, self.format_name, self.limit = amount, currency, format_name, limit
