"""Is this bundle genuine? The numbered checks of docs/proof-format.md, section 6, in their order, and the verdict.

Evidence in, verdict out: nothing here reads a clock, a file or a network. Steps 1, 3, 4, 5, 9 and 10 need the bundle
alone. Step 2 needs the chain and contracts that the verifier trusts; steps 6, 7, 8, 11 and 12 what that chain answers
(ledger/answers.py), all read at one block that the verifier holds final.

     1 malformed              5 not_in_batch             9 equivocal
     2 wrong_chain            6 root_not_anchored       10 unrelated
     3 event_altered          7 signer_not_authorised   11 (disowned)
     4 bad_signature          8 postdated               12 (corrected)   13 (pending)

A record has the code of the first step that it fails, so each step looks only at the records that stand: those that
have failed none. Steps 11 to 13 fail nothing; they tell results apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.answers import ChainAnswers, StandingQuestion, Use
from ledger.errors import BadSignature
from ledger.hexadecimal import to_address, to_hex
from ledger.merkle import leaf, root_of
from ledger.record import Domain, record_hash, recover
from traceability.bundle import Bundle, BundleRecord, parse
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash, hash_id
from traceability.epcis.times import epoch_ms
from traceability.errors import MalformedBundle, MalformedJson
from traceability.identifiers import canonical
from traceability.verdict import Code, RecordVerdict, Result, Verdict, summary, worst

__all__ = ["Code", "RecordVerdict", "Result", "Trusted", "Verdict", "identifiers_of", "verify", "verify_bundle"]

CLOCK_ERROR_MS = 5 * 60 * 1000
"""An event may say that it happened so much later than it was anchored: clocks differ."""

EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
SINGLE_IDENTIFIERS = ("parentID", "transformationID")


@dataclass(frozen=True, slots=True)
class Trusted:
    """The chain and contracts that the verifier trusts: from its own settings, never from the bundle."""

    chain_id: int
    event_log: bytes
    party_registry: bytes


@dataclass(slots=True, eq=False)
class _Case:
    """A record on its way through the steps, with what they have found out about it."""

    entry: BundleRecord
    record_hash: bytes
    signer: bytes = b""
    event_ms: int | None = None
    anchored_at: int | None = None
    is_disowned: bool = False
    code: Code | None = None
    reason: str = ""

    def fail(self, code: Code, reason: str) -> None:
        self.code, self.reason = code, reason


def verify(
    data: bytes, *, trusted: Trusted | None = None, answers: ChainAnswers | None = None, identifier: str | None = None
) -> Verdict:
    """The verdict on a bundle's bytes, whatever they are.

    Without `answers` no chain is asked: the best result is then `consistent`. `identifier`, in any form, is what the
    bundle is handed over for. Raises ChainError where `answers` gets none from its chain.
    """
    # 1. The file is as sections 2 and 5 say.
    try:
        bundle = parse(data)
    except (MalformedJson, MalformedBundle) as error:
        return Verdict(Result.FAILED, Code.MALFORMED, f"This is no proof bundle: {error}.")
    return verify_bundle(bundle, trusted=trusted, answers=answers, identifier=identifier)


def verify_bundle(
    bundle: Bundle, *, trusted: Trusted | None, answers: ChainAnswers | None, identifier: str | None = None
) -> Verdict:
    """The verdict on a bundle that has passed step 1, or was put together from records that have.

    Raises ValueError for `answers` without `trusted`: a chain's answers about a bundle of another prove nothing.
    """
    if answers is not None and trusted is None:
        raise ValueError("answers are those of the chain that is trusted: say which it is")
    # 2. The chain and both contracts are the ones that the verifier trusts.
    claimed = Trusted(bundle.chain_id, bundle.event_log, bundle.party_registry)
    if trusted is not None and claimed != trusted:
        return Verdict(Result.FAILED, Code.WRONG_CHAIN, _wrong_chain(claimed, trusted))
    domain = Domain(bundle.chain_id, bundle.event_log)
    cases = [_Case(entry, record_hash(domain, entry.record)) for entry in bundle.records]
    _check_hashes(cases)
    _check_signatures(cases)
    _check_inclusion(cases)
    if answers is not None:
        _check_anchors(cases, answers)
        _check_authority(cases, answers)
        _check_event_times(cases, answers)
    _check_equivocation(cases)
    if identifier is not None:
        _check_relation(cases, canonical(identifier))
    if answers is None:
        return _verdict([_offline_result(case) for case in cases], cases, _withdrawn_in_bundle(cases, _standing(cases)))
    corrected = _withdrawn_on_chain(cases, answers)
    corrected |= set(_withdrawn_in_bundle(cases, _allowed_to_withdraw(cases, answers)))
    return _verdict([_result(case, index in corrected) for index, case in enumerate(cases)], cases)


def identifiers_of(event: dict[str, Any]) -> Iterator[str]:
    """The goods that an event speaks of, in canonical form; what is no GS1 identifier stays as it is written."""
    texts = [event.get(name) for name in SINGLE_IDENTIFIERS]
    for name in EPC_LISTS:
        texts += _items(event.get(name))
    for name in QUANTITY_LISTS:
        texts += [item.get("epcClass") for item in _items(event.get(name)) if isinstance(item, dict)]
    return (canonical(text) for text in texts if isinstance(text, str))


def _check_hashes(cases: Sequence[_Case]) -> None:
    """3. The content hash and the event hash, computed again from context and event, are those of the record."""
    for case in cases:
        context, event, record = case.entry.context, case.entry.event, case.entry.record
        if content_hash(context, event) != record.content_hash:
            case.fail(Code.EVENT_ALTERED, "the event, or its context, is not the one that was signed")
            continue
        try:
            if event_hash(event, context) != record.event_hash:
                case.fail(Code.EVENT_ALTERED, "the event hash is not that of the event")
        except MalformedJson as error:
            case.fail(Code.EVENT_ALTERED, str(error))


def _check_signatures(cases: Sequence[_Case]) -> None:
    """4. The signature has the allowed form and recovers to a signer, in the bundle's domain."""
    for case in _standing(cases):
        try:
            case.signer = recover(case.record_hash, case.entry.signature)
        except BadSignature as error:
            case.fail(Code.BAD_SIGNATURE, str(error))


def _check_inclusion(cases: Sequence[_Case]) -> None:
    """5. Leaf and proof lead to the root."""
    for case in _standing(cases):
        anchor = case.entry.anchor
        if anchor and root_of(leaf(case.record_hash, case.entry.signature), anchor.proof) != anchor.root:
            case.fail(Code.NOT_IN_BATCH, "the record and its proof do not lead to the root that is given")


def _check_anchors(cases: Sequence[_Case], answers: ChainAnswers) -> None:
    """6. The root is anchored; where only a block that is not final yet has it, the record is pending."""
    roots = list(dict.fromkeys(case.entry.anchor.root for case in _standing(cases) if case.entry.anchor))
    times = dict(zip(roots, answers.anchored_at(roots), strict=True))
    missing = [root for root in roots if times[root] == 0]
    later = dict(zip(missing, answers.anchored_later(missing), strict=True))
    for case in _standing(cases):
        if case.entry.anchor is None:
            continue
        root = case.entry.anchor.root
        case.anchored_at = times[root] or None
        if case.anchored_at is None and not later[root]:
            case.fail(Code.ROOT_NOT_ANCHORED, f"the root {to_hex(root)} is not anchored on the chain")


def _check_authority(cases: Sequence[_Case], answers: ChainAnswers) -> None:
    """7. The signer stood for the record's party when the root was anchored; where it is not yet, it stands now."""
    standing = _standing(cases)
    replies = answers.standing_of([_question(case, Use.RECORD, answers.now_at) for case in standing])
    for case, reply in zip(standing, replies, strict=True):
        case.is_disowned = reply.disowned
        if reply.party != case.entry.record.party:
            signer, party = to_address(case.signer), to_address(case.entry.record.party)
            when = "now" if case.anchored_at is None else "when the root was anchored"
            case.fail(Code.SIGNER_NOT_AUTHORISED, f"{signer} does not stand for {party}, for recording, {when}")


def _check_event_times(cases: Sequence[_Case], answers: ChainAnswers) -> None:
    """8. The event does not say that it happened after its anchor (or after now), clock error apart."""
    for case in _standing(cases):
        case.event_ms = epoch_ms(case.entry.event["eventTime"])
        latest_ms = _time_of(case, answers.now_at) * 1000 + CLOCK_ERROR_MS
        if case.event_ms > latest_ms:
            case.fail(Code.POSTDATED, "the event's time is later than its anchor, by more than clocks differ")


def _check_equivocation(cases: Sequence[_Case]) -> None:
    """9. No two different records have the same signer and number. One that failed before accuses no other."""
    told: dict[tuple[bytes, int], set[bytes]] = defaultdict(set)
    for case in _standing(cases):
        told[case.signer, case.entry.record.sequence].add(case.record_hash)
    for case in _standing(cases):
        sequence = case.entry.record.sequence
        if len(told[case.signer, sequence]) > 1:
            case.fail(Code.EQUIVOCAL, f"{to_address(case.signer)} signed another record with the number {sequence} too")


def _check_relation(cases: Sequence[_Case], identifier: str) -> None:
    """10. A chain of records, each sharing an identifier with the next, leads to one that has the named identifier."""
    standing = _standing(cases)
    # Records are put together in groups: each knows another of its group or, last, itself. A record may name a million
    # things, so what is kept of each is only who named it first.
    groups = list(range(len(standing)))
    first: dict[str, int] = {}
    for index, case in enumerate(standing):
        for name in identifiers_of(case.entry.event):
            other = _last(groups, first.setdefault(name, index))
            groups[_last(groups, index)] = other
    named = _last(groups, first[identifier]) if identifier in first else None
    for index, case in enumerate(standing):
        if _last(groups, index) != named:
            case.fail(Code.UNRELATED, f"nothing in this bundle joins the event to {identifier}")


def _last(groups: list[int], index: int) -> int:
    """The last one of its group, and the way to it made shorter for who comes next."""
    while groups[index] != index:
        groups[index] = groups[groups[index]]
        index = groups[index]
    return index


def _withdrawn_on_chain(cases: Sequence[_Case], answers: ChainAnswers) -> set[int]:
    """12, first half: the indexes of the records that stand and that their party has withdrawn on chain."""
    standing = [index for index, case in enumerate(cases) if case.code is None]
    times = answers.withdrawn_at([(cases[index].entry.record.party, cases[index].record_hash) for index in standing])
    return {index for index, time in zip(standing, times, strict=True) if time}


def _allowed_to_withdraw(cases: Sequence[_Case], answers: ChainAnswers) -> list[_Case]:
    """The error declarations that stand and whose signer stood for withdrawing too, at the anchor (or now)."""
    declarations = [case for case in _standing(cases) if _is_declaration(case)]
    replies = answers.standing_of([_question(case, Use.WITHDRAW, answers.now_at) for case in declarations])
    return [case for case, reply in zip(declarations, replies, strict=True) if reply.party == case.entry.record.party]


def _withdrawn_in_bundle(cases: Sequence[_Case], withdrawing: Sequence[_Case]) -> tuple[int, ...]:
    """12, second half: the indexes of the records that stand and that an error declaration among `withdrawing` names.

    It names the records of the same party and event hash; never one with an error declaration of its own.
    """
    named = {_name(case) for case in withdrawing if _is_declaration(case)}
    return tuple(
        index
        for index, case in enumerate(cases)
        if case.code is None and not _is_declaration(case) and _name(case) in named
    )


def _result(case: _Case, is_withdrawn: bool) -> tuple[Result, str]:
    """The first of 11 to 13 that applies, in words too."""
    if case.code is not None:
        return Result.FAILED, case.reason
    if case.is_disowned:
        return Result.DISOWNED, "the party has revoked the key and declared this record as not its own"
    if is_withdrawn:
        return Result.CORRECTED, "the party has withdrawn this record: it was in error"
    if case.anchored_at is None:
        return Result.PENDING, "the record is signed, but not anchored yet in a final block"
    return Result.VERIFIED, "the record is genuine"


def _offline_result(case: _Case) -> tuple[Result, str]:
    if case.code is not None:
        return Result.FAILED, case.reason
    if case.entry.anchor is None:
        return Result.PENDING, "the record is consistent in itself, but not anchored yet"
    return Result.CONSISTENT, "the record is consistent in itself; the chain was not asked"


def _verdict(results: Sequence[tuple[Result, str]], cases: Sequence[_Case], claimed: tuple[int, ...] = ()) -> Verdict:
    """The bundle's result is the worst of its records', its code that of the first failed one in the file's order."""
    bundle_result = worst([result for result, _ in results])
    code = next((case.code for case in cases if case.code is not None), None)
    count = sum(result is bundle_result for result, _ in results)
    records = tuple(_record_verdict(case, *result) for case, result in zip(cases, results, strict=True))
    return Verdict(bundle_result, code, summary(bundle_result, count, len(cases)), records, claimed)


def _record_verdict(case: _Case, result: Result, reason: str) -> RecordVerdict:
    event_id = case.entry.event.get("eventID")
    name = event_id if isinstance(event_id, str) else hash_id(case.entry.record.event_hash)
    seconds = None
    if case.anchored_at is not None and case.event_ms is not None:
        seconds = case.anchored_at - case.event_ms / 1000
    return RecordVerdict(name, case.record_hash, result, case.code, reason, case.anchored_at, seconds)


def _wrong_chain(claimed: Trusted, trusted: Trusted) -> str:
    def shown(place: Trusted) -> str:
        contracts = f"EventLog {to_address(place.event_log)}, PartyRegistry {to_address(place.party_registry)}"
        return f"chain {place.chain_id}, {contracts}"

    return f"This bundle belongs to {shown(claimed)}; trusted is {shown(trusted)}."


def _standing(cases: Sequence[_Case]) -> list[_Case]:
    return [case for case in cases if case.code is None]


def _question(case: _Case, use: Use, now_at: int) -> StandingQuestion:
    return StandingQuestion(case.signer, use, _time_of(case, now_at), case.entry.record.sequence)


def _time_of(case: _Case, now_at: int) -> int:
    return now_at if case.anchored_at is None else case.anchored_at


def _name(case: _Case) -> tuple[bytes, bytes]:
    return case.entry.record.party, case.entry.record.event_hash


def _is_declaration(case: _Case) -> bool:
    return "errorDeclaration" in case.entry.event


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
