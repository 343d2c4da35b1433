"""Which key of this node signs for a party; remembered for a second, because many captures ask the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Engine

from api.errors import NoSigningKey
from api.keyring import Keyring
from ledger.answers import Use
from ledger.consortium import Registry
from ledger.database import reading
from ledger.errors import SignerNotAuthorised
from ledger.hexadecimal import to_address
from ledger.keystore import Signer
from traceability.prospects import newest_reading

REMEMBERED_S = 1.0
OTHERS = 5

_T = TypeVar("_T")


class SigningKeys:
    """The keys of a node, by the party and the uses for which they stand. Safe for several threads."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._engine, self._keyring = engine, keyring
        self._chosen: dict[tuple[bytes, int], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def sign_with(self, party: bytes, uses: int, act: Callable[[Signer], _T]) -> _T:
        """What `act` gives with the party's signer; asked again where the remembered choice has ceased to stand.

        Raises as `signer` does, and whatever `act` raises.
        """
        try:
            return act(self.signer(party, uses))
        except SignerNotAuthorised:
            with self._lock:
                self._chosen.pop((party, uses), None)
            return act(self.signer(party, uses))

    def signer(self, party: bytes, uses: int) -> Signer:
        """The key that stands for the party for all these uses: rather a device's than the controller's.

        Where none stands (not yet, not any more, suspended), one that stands for recording, or belongs to the party at
        least: what that means is for capture to say. Raises NoSigningKey, KeyLocked, or KeyFileError.
        """
        now_s = time.monotonic()
        with self._lock:
            name, until_s = self._chosen.get((party, uses), ("", 0.0))
        if now_s >= until_s:
            name = self._choose(party, uses)
            with self._lock:
                self._chosen[party, uses] = (name, now_s + REMEMBERED_S)
        return self._keyring.signer(name)

    def _choose(self, party: bytes, uses: int) -> str:
        with reading(self._engine) as session:
            registry = newest_reading(session).registry or Registry()
        # The time for which capture asks, too: on a chain that is idle the newest block may be an old one, at whose
        # time a key that was revoked in it still stood.
        now_at = int(time.time())

        def rank(account: bytes) -> int:
            """The lower the better; OTHERS is another party's."""
            for better, wanted in ((0, uses), (2, int(Use.RECORD))):
                if registry.standing_of(account, wanted, now_at, 0).party == party:
                    return better + (account == party)
            signer = registry.signers.get(account)
            belongs = account == party or (signer is not None and signer.party == party)
            return OTHERS - 1 if belongs else OTHERS

        ranked = sorted((rank(file.address), file.name) for file in self._keyring.files())
        if not ranked or ranked[0][0] == OTHERS:
            raise NoSigningKey(to_address(party))
        return ranked[0][1]
