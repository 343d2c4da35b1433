"""What can go wrong at the door: settings, keys of the API, and how a request is put. Each has a stable `code`."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.invoices import CellError


class ApiError(Exception):
    """Base of every error of this floor. `code` is stable; the message says what to do."""

    code = "api_error"


class BadSettings(ApiError):
    """DATA/node.toml or a TALLY_ variable says something that can't be meant."""

    code = "bad_settings"


class NoDataFolder(ApiError):
    """There is no node in this folder yet."""

    code = "no_data_folder"

    def __init__(self, folder: object) -> None:
        super().__init__(
            f"{folder} holds no node (no node.toml): `tally init --data {folder} --rpc-url URL --event-log 0x… "
            f"--party-registry 0x…` makes one, `make demo DATA={folder}` a whole demonstration"
        )
        self.folder = folder


class DataFolderTaken(ApiError):
    """There is a node in this folder already."""

    code = "data_folder_taken"

    def __init__(self, folder: object) -> None:
        super().__init__(f"{folder} already holds a node: use it as it is, or name another folder with --data")
        self.folder = folder


class PortTaken(ApiError):
    """The address to listen on is not to be had."""

    code = "port_taken"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"can't listen on {host}:{port}: {reason}. Name another port with --port")
        self.host, self.port = host, port


class DatabaseUnavailable(ApiError):
    """The node's database can't be opened."""

    code = "database_unavailable"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the database {url} can't be opened: {reason}")
        self.url, self.reason = url, reason


class DatabaseTaken(ApiError):
    """What is to be restored into is not empty."""

    code = "database_taken"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"the database {url} already holds a node's data: name an empty one in TALLY_DATABASE_URL, nothing has "
            "been changed"
        )
        self.url = url


class DamagedBackup(ApiError):
    """A file that is no backup, or not whole any more."""

    code = "damaged_backup"

    def __init__(self, file: object, reason: str) -> None:
        super().__init__(f"{file} can't be restored: {reason}. Take another copy of it, or an older backup")
        self.file, self.reason = file, reason


class OutdatedDatabase(ApiError):
    """The database is at an earlier revision than this version works on."""

    code = "outdated_database"

    def __init__(self, revision: str, needed: str) -> None:
        super().__init__(
            f"the database was made by an older version (revision {revision}, needed is {needed}): back it up, then "
            "`tally migrate` brings it up to date"
        )
        self.revision, self.needed = revision, needed


class NewerDatabase(ApiError):
    """The database bears a revision that this version does not know."""

    code = "newer_database"

    def __init__(self, revision: str, known: str) -> None:
        super().__init__(
            f"the database was made by a newer version (revision {revision}, this version knows none after {known}): "
            "use that version of tally, nothing has been changed"
        )
        self.revision, self.known = revision, known


class UnknownDatabase(ApiError):
    """The database has tables of our names that are not ours."""

    code = "unknown_database"

    def __init__(self, table: str, column: str) -> None:
        super().__init__(
            f"the database bears no revision and is none that tally made ({table}.{column} is not there): name another "
            "one (setting database_url), or start anew with --data"
        )
        self.table, self.column = table, column


class MissingApiKey(ApiError):
    """The request needs an API key and brings none."""

    code = "missing_api_key"

    def __init__(self) -> None:
        super().__init__("this needs an API key of a party: send `Authorization: Bearer KEY`; "
                         "`tally party key create PARTY` makes one")  # fmt: skip


class UnknownApiKey(ApiError):
    """No party of this node has this API key."""

    code = "unknown_api_key"

    def __init__(self) -> None:
        super().__init__("this node has not issued this API key: check it for a copying error, "
                         "or make one with `tally party key create PARTY`")  # fmt: skip


class RevokedApiKey(ApiError):
    """The API key was revoked."""

    code = "revoked_api_key"

    def __init__(self, label: str) -> None:
        super().__init__(f"the API key {label!r} was revoked: make another with `tally party key create PARTY`")
        self.label = label


class NoSuchApiKey(ApiError):
    """There is no API key of that number to revoke."""

    code = "no_such_api_key"

    def __init__(self, number: int) -> None:
        super().__init__(f"no API key number {number}: see `tally party key list`")
        self.number = number


class NoSigningKey(ApiError):
    """The node holds no key that signs for the party."""

    code = "no_signing_key"

    def __init__(self, party: str) -> None:
        super().__init__(
            f"this node holds no key that records for {party}: sign on your side "
            "(application/vnd.tallystick.capture+json), or put a key file of the party into DATA/keys"
        )
        self.party = party


class WrongContentType(ApiError):
    """The body is of a type that is not taken here."""

    code = "unsupported_media_type"

    def __init__(self, given: str, taken: tuple[str, ...]) -> None:
        super().__init__(f"Content-Type {given or '(none)'!r} is not taken here; one of these is: {', '.join(taken)}")
        self.given, self.taken = given, taken


class NotAcceptable(ApiError):
    """The Accept header leaves none of the forms in which the answer exists."""

    code = "not_acceptable"

    def __init__(self, accept: str, offered: tuple[str, ...]) -> None:
        super().__init__(f"Accept {accept!r} leaves none of: {', '.join(offered)}")
        self.offered = offered


class BodyTooLarge(ApiError):
    """The body is longer than the node's setting allows."""

    code = "body_too_large"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"the body is larger than {bytes_max} bytes: send it in parts (setting capture_bytes_max)")
        self.bytes_max = bytes_max


class BadHeader(ApiError):
    """A request header has a value that its standard does not know."""

    code = "bad_header"

    def __init__(self, name: str, value: str, known: tuple[str, ...]) -> None:
        super().__init__(f"{name}: {value[:80]!r} is none of: {', '.join(known)}")
        self.name, self.value, self.known = name, value, known


class BadIdempotencyKey(ApiError):
    """The Idempotency-Key header says no key."""

    code = "bad_idempotency_key"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Idempotency-Key can't be used: {reason}. Draw a UUID for each thing that you want done")
        self.reason = reason


class IdempotencyKeyReused(ApiError):
    """The Idempotency-Key was used for another request before."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key stands for another request of yours (address, headers or body differ), "
                         "which keeps its answer; nothing was done. Draw a new key for a new request")  # fmt: skip


class NotReady(ApiError):
    """The node is not ready to take work. `checks` are all that was looked at: name, whether it is good, and how."""

    code = "not_ready"

    def __init__(self, checks: tuple[tuple[str, bool, str], ...]) -> None:
        missing = "; ".join(f"{name}: {detail}" for name, is_good, detail in checks if not is_good)
        super().__init__(f"not ready: {missing}")
        self.checks = checks


class UnknownCaptureJob(ApiError):
    """No capture job of this id."""

    code = "unknown_capture_job"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no capture job {job_id[:80]!r} on this node")
        self.job_id = job_id


class UnreadableFile(ApiError):
    """A file that was named can't be read."""

    code = "unreadable_file"

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path} can't be read: {reason}")
        self.path = path


class IncompleteTrust(ApiError):
    """Only some of chain, EventLog and PartyRegistry were named."""

    code = "incomplete_trust"

    def __init__(self, missing: str) -> None:
        super().__init__(f"to check against a chain of your own choice name all three; missing: {missing}")
        self.missing = missing


class TransactionRefused(ApiError):
    """A contract refused what it was asked for. Nothing has changed."""

    code = "transaction_refused"

    def __init__(self, intent: str, reason: str) -> None:
        super().__init__(f"{intent} was refused by the contract: {reason}")
        self.intent, self.reason = intent, reason


class NotFinalYet(ApiError):
    """A transaction is on its way, but not final within the time that a command waits."""

    code = "not_final_yet"

    def __init__(self, intent: str, state: str) -> None:
        super().__init__(f"{intent} is {state}, not final yet: a running worker goes on with it, see `tally status`")
        self.intent, self.state = intent, state


class BadArgument(ApiError):
    """A command's argument can't be meant."""

    code = "bad_argument"


class TokensWithoutCurrency(ApiError):
    """Orders of the party are in tokens that have no currency code here, so that its books would not be whole."""

    code = "tokens_without_currency"

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__(
            f"orders of this party are in {', '.join(tokens)}: give each a currency code in node.toml, as in "
            f'tokens = {{ "{tokens[0]}" = "XTS" }}'
        )
        self.tokens = tuple(tokens)


class InvoicesRefused(ApiError):
    """Rows of an invoice file that can't be read. None of it is taken."""

    code = "invoices_refused"

    def __init__(self, errors: Sequence[CellError]) -> None:
        first = "; ".join(str(each) for each in errors[:3])
        more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
        super().__init__(f"the file has {len(errors)} wrong cells, and nothing of it is taken: {first}{more}")
        self.errors = tuple(errors)
