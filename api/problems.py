"""Errors of every floor as problem details (RFC 9457): the only place that knows which error has which HTTP status.

Types are those that the EPCIS 2.0 REST binding names; where it names none, /problems/{code}, which answers a browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from api import errors as door
from ledger import errors as ledger
from traceability import errors as traceability
from traceability.errors import FieldProblem

MEDIA_TYPE = "application/problem+json"

VALIDATION = "epcisException:ValidationException"
SECURITY = "epcisException:SecurityException"
NO_SUCH_NAME = "epcisException:NoSuchNameException"
CAPTURE_LIMIT = "epcisException:CaptureLimitExceededException"
MEDIA = "epcisException:UnsupportedMediaTypeException"
ACCEPT = "epcisException:NotAcceptableException"
EXISTS = "epcisException:ResourceAlreadyExistsException"
IMPLEMENTATION = "epcisException:ImplementationException"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a class of errors is over HTTP. `type_uri` None: it gets an address of ours."""

    status: int
    title: str
    type_uri: str | None = None


# The first class of an error's ancestry that stands here decides.
KINDS: dict[type[Exception], Kind] = {
    traceability.InvalidDocument: Kind(400, "The document is not valid EPCIS 2.0", VALIDATION),
    traceability.MalformedJson: Kind(400, "The body is not JSON as it is taken here", VALIDATION),
    traceability.InvalidIdentifier: Kind(400, "Not a GS1 identifier", VALIDATION),
    traceability.UnknownEvent: Kind(404, "No such event", NO_SUCH_NAME),
    traceability.UnknownProduct: Kind(404, "No such product", NO_SUCH_NAME),
    traceability.AmbiguousEvent: Kind(409, "Several records match"),
    traceability.BundleRefused: Kind(422, "The proof bundle is not taken"),
    traceability.BadTermsDocument: Kind(400, "Not a terms document"),
    traceability.BadPurchaseOrder: Kind(400, "Not a purchase order that can become an order"),
    traceability.TermsOfNoOrder: Kind(409, "No order has these terms"),
    traceability.TermsOfOtherOrder: Kind(409, "The terms don't fit the order"),
    traceability.TermsNotImported: Kind(404, "The order's terms are not here"),
    traceability.NotAttestable: Kind(409, "That can't be attested"),
    traceability.TraceabilityError: Kind(400, "The request can't be done", VALIDATION),
    ledger.InvalidHex: Kind(400, "Not hexadecimal of the right length", VALIDATION),
    ledger.BadChecksum: Kind(400, "An address with a typing error", VALIDATION),
    ledger.BadSignature: Kind(400, "A signature that is none", VALIDATION),
    ledger.SequenceTaken: Kind(409, "The sequence number is taken", EXISTS),
    ledger.NumbersUnknown: Kind(409, "Sequence numbers that are not known since a restore"),
    ledger.SignerNotAuthorised: Kind(403, "The key does not stand for the party", SECURITY),
    ledger.UnknownParty: Kind(403, "Not a party of the consortium", SECURITY),
    ledger.KeyFileError: Kind(503, "A key of this node can't be used"),
    ledger.ChainError: Kind(503, "The chain gave no usable answer"),
    ledger.DatabaseNotWritable: Kind(503, "The database can't be written"),
    ledger.RebuildUnderWay: Kind(409, "Another process rebuilds the node"),
    ledger.WrongDeployment: Kind(503, "The node and its chain do not belong together"),
    ledger.BadTerms: Kind(400, "Terms that no order can have"),
    ledger.UnknownOrder: Kind(404, "No such order"),
    ledger.NoEscrow: Kind(409, "No orders here"),
    ledger.UnknownToken: Kind(409, "A token that nothing is known of"),
    ledger.NotEntitled: Kind(403, "Not the party's to do"),
    ledger.UnknownItem: Kind(404, "No such item of the order"),
    ledger.BadShare: Kind(400, "An amount or share that can't be meant"),
    ledger.OrderRefused: Kind(409, "The order does not allow it now"),
    ledger.InvoiceFileError: Kind(400, "The file is no table of invoices"),
    ledger.AmountDoesNotFit: Kind(409, "An amount that the format has no room for"),
    ledger.LedgerError: Kind(500, "The ledger can't do this", IMPLEMENTATION),
    door.MissingApiKey: Kind(401, "An API key is needed", SECURITY),
    door.UnknownApiKey: Kind(401, "An API key that this node does not know", SECURITY),
    door.RevokedApiKey: Kind(401, "A revoked API key", SECURITY),
    door.NoSigningKey: Kind(409, "No key here signs for the party"),
    door.WrongContentType: Kind(415, "The content type is not taken", MEDIA),
    door.NotAcceptable: Kind(406, "No acceptable form of the answer", ACCEPT),
    door.BodyTooLarge: Kind(413, "The body is too large", CAPTURE_LIMIT),
    door.BadHeader: Kind(400, "A header has an unknown value", VALIDATION),
    door.NotReady: Kind(503, "The node is not ready to take work"),
    door.BadIdempotencyKey: Kind(400, "An Idempotency-Key that can't be used"),
    door.IdempotencyKeyReused: Kind(422, "The Idempotency-Key stands for another request"),
    door.UnreadableFile: Kind(400, "The file can't be read"),
    door.IncompleteTrust: Kind(400, "Chain and contracts are not all named"),
    door.TransactionRefused: Kind(409, "The contract refused it"),
    door.NotFinalYet: Kind(503, "Not final yet"),
    door.BadArgument: Kind(400, "An argument can't be meant"),
    traceability.BundleTooLarge: Kind(413, "More than a proof bundle may have"),
    door.UnknownCaptureJob: Kind(404, "No such capture job", NO_SUCH_NAME),
    door.DatabaseUnavailable: Kind(503, "The database can't be opened"),
    door.OutdatedDatabase: Kind(503, "The database is of an older version"),
    door.NewerDatabase: Kind(503, "The database is of a newer version"),
    door.UnknownDatabase: Kind(503, "The database is not one of this program"),
    door.DatabaseTaken: Kind(409, "The database is not empty"),
    door.DamagedBackup: Kind(400, "The backup can't be used"),
    door.TokensWithoutCurrency: Kind(409, "A token without a currency"),
    door.InvoicesRefused: Kind(400, "Invoices that can't be read"),
    door.ApiError: Kind(500, "The node can't do this", IMPLEMENTATION),
}
CHAIN_KINDS: dict[ledger.ChainReason, Kind] = {
    ledger.ChainReason.REVERTED: Kind(409, "The contract does not allow it now"),
}
"""What the chain has answered well enough, and the node need not be asked again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One answer of what went wrong. `errors` names the places in a document, `extra` adds members of its own."""

    status: int
    type_uri: str
    title: str
    detail: str
    code: str
    errors: tuple[FieldProblem, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The members of RFC 9457, and `code`, `errors` and whatever the error carries."""
        members: dict[str, Any] = {
            "type": self.type_uri,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            members["errors"] = [
                {"eventIndex": each.event_index, "path": each.path, "code": each.code, "reason": each.reason}
                for each in self.errors
            ]
        return members | self.extra


def problem_of(error: Exception) -> Problem:
    """The problem that a named error of any floor is. Assumes that its class, or an ancestor, stands in KINDS."""
    kind = _kind_of(error)
    code = str(getattr(error, "code", "error"))
    return Problem(
        status=kind.status,
        type_uri=kind.type_uri or f"/problems/{code}",
        title=kind.title,
        detail=str(error),
        code=code,
        errors=error.problems if isinstance(error, traceability.InvalidDocument) else (),
        extra=dict(_extra(error)),
    )


def _kind_of(error: Exception) -> Kind:
    if isinstance(error, ledger.ChainError):
        return CHAIN_KINDS.get(error.reason, KINDS[ledger.ChainError])
    return next(KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in KINDS)


def codes() -> dict[str, Kind]:
    """Every code that a problem may have, with what it is: for the pages at /problems/{code}."""
    named = {str(error.code): kind for error, kind in KINDS.items() if hasattr(error, "code")}
    chain = {
        f"chain_{reason.value}": CHAIN_KINDS.get(reason, KINDS[ledger.ChainError]) for reason in ledger.ChainReason
    }
    return named | chain


def _extra(error: Exception) -> Iterator[tuple[str, Any]]:
    if isinstance(error, traceability.AmbiguousEvent):
        yield "recordHashes", list(error.record_hashes)
    if isinstance(error, door.BodyTooLarge):
        yield "bytesMax", error.bytes_max
    if isinstance(error, traceability.BadPurchaseOrder):
        yield (
            "errors",
            [
                {"row": each.row, "column": each.column, "field": each.field, "reason": each.reason}
                for each in error.problems
            ],
        )
    if isinstance(error, ledger.OrderRefused | ledger.BadTerms | traceability.BadTermsDocument):
        yield "field", error.field
    if isinstance(error, door.InvoicesRefused):
        yield (
            "errors",
            [
                {"row": each.row, "column": each.column, "code": each.reason.value, "reason": each.text}
                for each in error.errors
            ],
        )
    if isinstance(error, ledger.ChainError):
        yield "retryable", error.is_retryable
    if isinstance(error, door.NotReady):
        yield "checks", [{"name": name, "ok": is_good, "detail": detail} for name, is_good, detail in error.checks]
