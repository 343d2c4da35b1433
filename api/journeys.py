"""A product's history with the names that people know: what pages and the command line show of it."""

from __future__ import annotations

from dataclasses import dataclass

from api.consortium import legal_name
from api.node import Node
from api.pages.passport import Passport, passport_of
from api.places import Place
from ledger.consortium import Registry
from ledger.database import reading
from ledger.errors import ChainError
from ledger.standing import LocalAnswers, registry_of
from traceability.history import History, history
from traceability.lineage import Direction


@dataclass(frozen=True, slots=True)
class Journey:
    """A history, and what is needed to tell it: the consortium, places, and the block time of the answers."""

    node: Node
    identifier: str
    history: History
    registry: Registry
    checked_at: int

    def passport(self) -> Passport:
        """The journey in words."""
        return passport_of(
            self.history,
            self.identifier,
            chain_id=self.node.deployment.chain_id,
            checked_at=self.checked_at,
            party_name=lambda party: legal_name(self.registry, party),
            place_of=self._place,
        )

    def _place(self, party: bytes, identifier: str) -> Place | None:
        return self.node.places.named(party, identifier)


def journey_of(node: Node, identifier: str, direction: Direction = Direction.BACKWARD) -> Journey:
    """All that this node has of a product, read in one state of its database. Raises UnknownProduct."""
    with reading(node.engine) as session:
        found = history(session, node.trust.contracts, identifier, direction)
        node.places.refresh(session)
        try:
            answers = LocalAnswers.of(session)
        except ChainError:
            # Before the chain was first read nobody has a name.
            return Journey(node, identifier, found, Registry(), 0)
        return Journey(node, identifier, found, registry_of(session, answers.block_number), answers.now_at)
