"""Captures as the command line and the API both ask for them: with a key of the node, or signed by the client."""

from __future__ import annotations

import secrets
import time

from api.node import Node
from api.settings import StaleEventId
from ledger.answers import Use
from ledger.errors import KeyNotFound
from ledger.keystore import Signer
from traceability.capture import CaptureSettings, capture, capture_signed
from traceability.jobs import CaptureJob, ErrorBehaviour
from traceability.withdrawal import withdraw


def capture_document(node: Node, party: bytes, document: bytes, error_behaviour: ErrorBehaviour) -> CaptureJob:
    """Records a document for a party with the key that this node holds of it.

    Raises as traceability.capture.capture does, and NoSigningKey.
    """
    # A device's key seldom stands for withdrawing, which an error declaration is.
    uses = Use.RECORD | Use.WITHDRAW if b'"errorDeclaration"' in document else Use.RECORD

    def recorded(signer: Signer) -> CaptureJob:
        return capture(
            node.engine,
            domain=node.domain,
            party=party,
            signer=signer,
            document=document,
            now_us=now_us(),
            randomness=secrets.token_bytes,
            settings=_settings(node),
            receipt_signer=receipt_signer(node),
            error_behaviour=error_behaviour,
        )

    return node.signing.sign_with(party, uses, recorded)


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

    def withdrawn(signer: Signer) -> CaptureJob:
        return withdraw(
            node.engine,
            domain=node.domain,
            party=party,
            signer=signer,
            name=record_hash,
            now_us=now_us(),
            randomness=secrets.token_bytes,
            reason=reason,
            settings=_settings(node),
            receipt_signer=receipt_signer(node),
        )

    return node.signing.sign_with(party, Use.RECORD | Use.WITHDRAW, withdrawn)


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
