"""Captures as the command line and the API both ask for them: with a key of the node, or signed by the client."""

from __future__ import annotations

import secrets
import time

from api.errors import NoSigningKey
from api.node import Node
from api.settings import StaleEventId
from ledger.answers import Use
from ledger.consortium import Registry
from ledger.database import reading
from ledger.errors import ChainError, KeyNotFound
from ledger.hexadecimal import to_address
from ledger.keystore import Signer
from ledger.standing import LocalAnswers, registry_of
from traceability.capture import CaptureSettings, capture, capture_signed
from traceability.jobs import CaptureJob, ErrorBehaviour
from traceability.withdrawal import withdraw


def capture_document(node: Node, party: bytes, document: bytes, error_behaviour: ErrorBehaviour) -> CaptureJob:
    """Records a document for a party with the key that this node holds of it.

    Raises as traceability.capture.capture does, and NoSigningKey.
    """
    return capture(
        node.engine,
        domain=node.domain,
        party=party,
        signer=signer_for(node, party, Use.RECORD),
        document=document,
        now_us=now_us(),
        randomness=secrets.token_bytes,
        settings=_settings(node),
        receipt_signer=receipt_signer(node),
        error_behaviour=error_behaviour,
    )


def capture_signed_document(node: Node, party: bytes, document: bytes, error_behaviour: ErrorBehaviour) -> CaptureJob:
    """Records a document whose records the client has signed. Raises as capture.capture_signed."""
    return capture_signed(
        node.engine,
        domain=node.domain,
        party=party,
        document=document,
        now_us=now_us(),
        randomness=secrets.token_bytes,
        settings=_settings(node),
        receipt_signer=receipt_signer(node),
        error_behaviour=error_behaviour,
    )


def withdraw_record(node: Node, party: bytes, record_hash: str, reason: str) -> CaptureJob:
    """Declares a record's event to be in error and plans its withdrawal. Raises as traceability.withdrawal does."""
    return withdraw(
        node.engine,
        domain=node.domain,
        party=party,
        signer=signer_for(node, party, Use.WITHDRAW),
        name=record_hash,
        now_us=now_us(),
        randomness=secrets.token_bytes,
        reason=reason,
        settings=_settings(node),
        receipt_signer=receipt_signer(node),
    )


def signer_for(node: Node, party: bytes, use: Use) -> Signer:
    """The key file that stands for the party, for that use: rather a device's than the controller's.

    Where none stands (not yet, not any more, suspended), one that belongs to the party at least: what that means is
    for capture to say. Raises NoSigningKey, KeyLocked, or KeyFileError.
    """
    files = node.keyring.files()
    registry, now_at = _registry(node)
    standing = [file for file in files if registry.standing_of(file.address, use, now_at, 0).party == party]
    standing.sort(key=lambda file: file.address == party)
    chosen = standing or [file for file in files if _belongs(registry, file.address, party)]
    if not chosen:
        raise NoSigningKey(to_address(party))
    return node.keyring.signer(chosen[0].name)


def _registry(node: Node) -> tuple[Registry, int]:
    """The consortium at the newest final block; an empty one before the chain was first read."""
    with reading(node.engine) as session:
        try:
            answers = LocalAnswers.of(session)
        except ChainError:
            return Registry(), 0
        return registry_of(session, answers.block_number), answers.now_at


def _belongs(registry: Registry, account: bytes, party: bytes) -> bool:
    signer = registry.signers.get(account)
    return account == party or (signer is not None and signer.party == party)


def receipt_signer(node: Node) -> Signer | None:
    """The node's anchoring key, which signs capture receipts; None where the node has none."""
    try:
        return node.keyring.signer(node.keyring.node_file().name)
    except KeyNotFound:
        return None


def now_us() -> int:
    """This node's clock in microseconds since 1970."""
    return time.time_ns() // 1000


def _settings(node: Node) -> CaptureSettings:
    return CaptureSettings(
        anchor_by_s=node.settings.anchor_by_s,
        refuses_stale_event_ids=node.settings.stale_event_id is StaleEventId.REFUSE,
        bytes_max=node.settings.capture_bytes_max,
    )
