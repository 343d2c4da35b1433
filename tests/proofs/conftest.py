"""The contracts on one chain, and a village like that of the API's tests: one of each for all of these tests.

What a parser takes does not depend on the database: the village is on SQLite alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.conftest import Village, founded_village, tally
from tests.proofs.contracts import Contracts, deployed

__all__ = ["contracts", "tally", "village"]


@pytest.fixture(scope="session")
def contracts() -> Iterator[Contracts]:
    """EventLog and PartyRegistry on a real Anvil."""
    with deployed() as found:
        yield found


@pytest.fixture(scope="session")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """Grower, roaster and retailer, their chain, and a node that serves them."""
    with founded_village(tmp_path_factory.mktemp("village"), None) as found:
        yield found
