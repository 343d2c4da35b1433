"""A data folder, opened: settings, database, deployment, keys and chain. Every command and request works on one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sqlalchemy.engine import Engine

from api.keyring import Keyring, keyring_of
from api.places import Places
from api.schema import make_ready
from api.settings import Settings, load_settings
from api.signing import SigningKeys
from api.trust import Trust, answers_of, chain_of, deployment_of, trust_of
from ledger.chain import Chain, ChainView
from ledger.database import open_engine
from ledger.deployment import Deployment, bind
from ledger.record import Domain


@dataclass(frozen=True)
class Node:
    """What a node is made of. Made by `opened_node`; safe for several threads."""

    settings: Settings
    engine: Engine
    deployment: Deployment
    keyring: Keyring
    places: Places = field(default_factory=Places)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain in which records are signed."""
        return self.deployment.domain

    @property
    def trust(self) -> Trust:
        """Chain and contracts of the settings, for verification."""
        return trust_of(self.settings)

    @cached_property
    def signing(self) -> SigningKeys:
        """Which of the node's keys signs for a party."""
        return SigningKeys(self.engine, self.keyring)

    @cached_property
    def chain(self) -> Chain:
        """The node's chain, not asked anything yet. Raises ChainError(unreachable) where no address of it is known."""
        return chain_of(self.settings)

    def answers(self) -> ChainView:
        """The chain's own answers at its newest final block. Raises ChainError."""
        return answers_of(self.trust)


@contextmanager
def opened_node(data: Path, *, upgrades: bool = False) -> Iterator[Node]:
    """The node in that folder, while it is needed. With `upgrades` an older database is brought up to date first.

    Raises NoDataFolder, BadSettings, WrongDeployment where the database belongs to another deployment, or, for one that
    this version can't work on, OutdatedDatabase, NewerDatabase or UnknownDatabase.
    """
    settings = load_settings(data)
    deployment = deployment_of(settings)
    engine = open_engine(settings.resolved_database_url)
    try:
        make_ready(engine, upgrades=upgrades)
        bind(engine, deployment)
        yield Node(settings, engine, deployment, keyring_of(settings))
    finally:
        engine.dispose()
