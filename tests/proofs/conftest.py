"""The contracts, on one chain for all of these tests: none of them changes what another asks about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proofs.contracts import Contracts, deployed


@pytest.fixture(scope="session")
def contracts() -> Iterator[Contracts]:
    """EventLog and PartyRegistry on a real Anvil."""
    with deployed() as found:
        yield found
