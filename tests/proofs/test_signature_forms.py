"""One table of signatures that must not count, held before Python and before the contracts: they say the same.

given a form that is not allowed     Python recovers nobody   recordedAt (0, 0)          withdraw BadSignature
given one over something else        Python recovers X        recordedAt (its time, X)   withdraw NotAuthorised(X)
given either as a consent            not the device           authorise NoConsent
"""

from __future__ import annotations

import pytest

from ledger.consortium import FOREVER, consent_digest
from ledger.errors import BadSignature
from ledger.hexadecimal import to_hex
from ledger.keystore import LocalSigner
from ledger.merkle import leaf
from ledger.record import Domain, Record, keccak256, record_hash, recover, withdrawal_digest
from scripts.evidence import CONTEXT, DOMAIN, TRUSTED, RecordedAnswers, Stand, anchor, bundle_of, key, seal
from tests.proofs.contracts import DEVICE, GROWER, STRANGER, Contracts
from tests.proofs.signatures import FORMS, Form, Signed, good
from traceability.bundle import bundle_json
from traceability.verification import Code, verify

RECORD = Record(keccak256(b"event"), keccak256(b"content"), GROWER.address, 7, keccak256(b"disclosure root"))
RECORD_TYPE = b"Record(bytes32 eventHash,bytes32 contentHash,address party,uint64 sequence,bytes32 disclosureRoot)"
CONSENT_TYPE = b"Consent(address party,address signer,uint8 uses,uint64 from,uint64 until)"


def word(value: bytes | int) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def recording(domain: Domain, record: Record = RECORD) -> Signed:
    fields: tuple[bytes | int, ...] = (
        record.event_hash,
        record.content_hash,
        record.party,
        record.sequence,
        record.disclosure_root,
    )
    struct = keccak256(keccak256(RECORD_TYPE) + b"".join(word(field) for field in fields))
    return Signed(struct, "Tallystick", domain.chain_id, domain.event_log)


def withdrawing(domain: Domain, name: bytes) -> Signed:
    struct = keccak256(keccak256(b"Withdrawal(bytes32 recordHash)") + name)
    return Signed(struct, "Tallystick", domain.chain_id, domain.event_log)


def consenting(contracts: Contracts) -> Signed:
    fields: tuple[bytes | int, ...] = (GROWER.address, DEVICE.address, 15, 0, FOREVER)
    struct = keccak256(keccak256(CONSENT_TYPE) + b"".join(word(field) for field in fields))
    return Signed(struct, "PartyRegistry", contracts.chain.chain_id, contracts.deployment.party_registry)


def recovered(digest: bytes, signature: bytes) -> bytes | None:
    try:
        return recover(digest, signature)
    except BadSignature:
        return None


def test_the_good_signatures_count_everywhere(contracts: Contracts) -> None:
    name = record_hash(contracts.domain, RECORD)
    signature = good(GROWER, recording(contracts.domain))
    assert recording(contracts.domain).digest == name
    root = leaf(name, signature)
    contracts.anchor([root])
    assert contracts.recorded_at([(name, signature, (), root)]) == [(contracts.anchored_at([root])[0], GROWER.address)]
    assert withdrawing(contracts.domain, name).digest == withdrawal_digest(contracts.domain, name)
    assert contracts.withdrawing(name, good(GROWER, withdrawing(contracts.domain, name))) == ""
    assert contracts.authorising(good(DEVICE, consenting(contracts))) == ""


def test_recorded_at_and_python_recover_the_same_signer_or_none(contracts: Contracts) -> None:
    """Each signature stands in the leaf of an anchored batch of one: only its form and content are in question."""
    name = record_hash(contracts.domain, RECORD)
    signatures = [form.made(GROWER, recording(contracts.domain)) for form in FORMS]
    roots = [leaf(name, signature) for signature in signatures]
    contracts.anchor(roots)
    answers = contracts.recorded_at([(name, s, (), root) for s, root in zip(signatures, roots, strict=True)])
    times = contracts.anchored_at(roots)
    assert all(times)
    for form, signature, (at, signer), time in zip(FORMS, signatures, answers, times, strict=True):
        ours = recovered(name, signature)
        assert (ours is not None) is form.is_allowed, form.name
        assert ours != GROWER.address, form.name
        assert (at, signer) == ((0, bytes(20)) if ours is None else (time, ours)), form.name


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_withdraw_and_python_take_no_other_signature(contracts: Contracts, form: Form) -> None:
    name = record_hash(contracts.domain, RECORD)
    signature = form.made(GROWER, withdrawing(contracts.domain, name))
    ours = recovered(withdrawal_digest(contracts.domain, name), signature)
    assert (ours is not None) is form.is_allowed
    # Without any signature the caller withdraws, and the caller is a stranger.
    signer = STRANGER.address if not signature else ours
    expected = f"NotAuthorised(signer={to_hex(signer)}" if signer else "BadSignature()"
    assert expected in contracts.withdrawing(name, signature)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_authorise_and_python_take_no_other_consent(contracts: Contracts, form: Form) -> None:
    signature = form.made(DEVICE, consenting(contracts))
    digest = consent_digest(contracts.registry_domain, GROWER.address, DEVICE.address, 15, 0, FOREVER)
    assert digest == consenting(contracts).digest
    ours = recovered(digest, signature)
    assert (ours is not None) is form.is_allowed
    assert ours != DEVICE.address
    assert f"NoConsent(account={to_hex(DEVICE.address)}" in contracts.authorising(signature)


def test_a_good_signature_over_another_struct_is_no_consent(contracts: Contracts) -> None:
    """A device signs records all day: none of them may be read as a withdrawal or as a consent, nor they as records."""
    name = record_hash(contracts.domain, RECORD)
    record = good(DEVICE, recording(contracts.domain))
    consent = good(DEVICE, consenting(contracts))
    assert "NoConsent" in contracts.authorising(record)
    assert "NoConsent" in contracts.authorising(good(DEVICE, withdrawing(contracts.domain, name)))
    for other in (consent, record):
        assert "NotAuthorised" in contracts.withdrawing(name, other)
        assert recovered(withdrawal_digest(contracts.domain, name), other) not in (None, DEVICE.address)
    assert recovered(name, consent) not in (None, DEVICE.address)


GROWERS_EVENT = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+01:00", "action": "OBSERVE",
    "epcList": ["urn:epc:id:sgtin:9521234.012345.1"],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_bundle_with_such_a_signature_fails_though_it_is_anchored(form: Form) -> None:
    signer: LocalSigner = key("grower")
    entry = seal(signer, signer.address, 0, CONTEXT, GROWERS_EVENT)
    forged = form.made(signer, recording(DOMAIN, entry.record))
    (entry,) = anchor([type(entry)(entry.context, entry.event, entry.record, forged, None)])
    assert entry.anchor is not None
    answers = RecordedAnswers(
        1_800_000_000, {entry.anchor.root: 1_790_000_000}, stands={signer.address: Stand(signer.address, uses=15)}
    )
    verdict = verify(bundle_json(bundle_of([entry])), trusted=TRUSTED, answers=answers)
    if form.is_allowed:
        assert verdict.code is Code.SIGNER_NOT_AUTHORISED
    else:
        assert verdict.code is (Code.BAD_SIGNATURE if len(forged) == 65 else Code.MALFORMED)
