"""What all seeds begin with: a chain with contracts, three parties and orders that are agreed on; a node's database.

Made once for a process, from fixed keys and times, so that it is the same everywhere to the block hash. A seed begins
with a copy of the database, and the chain is taken back to the same block.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from api.schema import make_ready
from api.worker import run_pass
from ledger.abi import interface
from ledger.answers import Use
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.consortium import FOREVER, RegistryDomain, consent_digest
from ledger.consortium import call as registry_call
from ledger.database import open_engine
from ledger.deployment import Deployment, bind, deploy
from ledger.keystore import LocalSigner
from ledger.orders import DAY_S, Milestone, Terms, call, order_id, propose_call
from ledger.transaction import Transaction, sign
from ledger.worker import Worker
from tests.conftest import running_anvil
from tests.faults.simulation.database import FailingDatabase, failing_database
from tests.faults.simulation.wire import Wire
from tests.traceability.nodes import GROWER, NODE, ROASTER, key
from tests.traceability.orders import DOCUMENT, INSPECTOR, LABORATORY, ROASTERY, terms_of
from traceability.terms import TermsDocument

START = 1_800_000_000
CHAIN_ID = 31_337
ORDERS = 3
FILE, TEMPLATE = "node.db", "template.db"
WINDOW_S = 3_600
RECEIPT, INSPECTION = 1_000_00, 200_00
"""What a receipt pays, and what an inspection does."""
PLENTY = 10**9
ETHER = 10**18
GAS = 900_000
ANVIL = (
    "--no-mining", "--order=fifo", "--accounts=0", "--base-fee=0", "--gas-price=0", f"--timestamp={START - 3_600}",
    "--hardfork=cancun", "--gas-limit=30000000", "--disable-min-priority-fee", "--prune-history=6000",
    "--no-request-size-limit",
)  # fmt: skip
FOUNDERS = [
    (who.address, (gln, name, 1, "", b""))
    for who, gln, name in (
        (GROWER, "9521234000006", "Highland Growers"),
        (ROASTER, "9524321000002", "Harbour Roasters"),
        (INSPECTOR, "9525555000004", "Cup Laboratory"),
    )
]
DEPLOYER = key("deployer")
SIGNERS = {signer.address: signer for signer in (NODE, ROASTER, GROWER, INSPECTOR)}


@dataclass(frozen=True)
class Order:
    """An order that is agreed on and waits for the buyer's money: `funding` brings it."""

    number: str
    document: TermsDocument
    order: bytes
    terms: Terms
    needs_both: bool
    """Whether receipt and inspection are of one milestone, on which both have to agree."""

    @property
    def window_s(self) -> int:
        """How long the buyer may dispute a delivery before it is paid."""
        return self.terms.milestones[0].window_s


@dataclass(frozen=True)
class World:
    """`base` is the block that every seed begins at, `funding_nonce` the buyer's next one there."""

    wire: Wire
    folder: Path
    deployment: Deployment
    orders: tuple[Order, ...]
    base: int
    funding_nonce: int
    database: FailingDatabase
    beside: FailingDatabase
    """The same file, as another process has it open."""
    _snapshot: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The database of the node under test."""
        return self.folder / FILE

    @property
    def template(self) -> Path:
        """The database that a seed's node begins with."""
        return self.folder / TEMPLATE

    @property
    def token(self) -> bytes:
        """What orders are paid in."""
        return self.deployment.require_escrow().tokens[0]

    def reset(self) -> None:
        """The chain at `base` again, with an empty pool, and a fresh database."""
        self.wire.call("anvil_dropAllTransactions")
        if self._snapshot:
            assert self.wire.call("evm_revert", self._snapshot.pop()), "Anvil has lost its snapshot"
        self._snapshot.append(self.wire.call("evm_snapshot"))
        self.wire.call("anvil_setNextBlockBaseFeePerGas", "0x0")
        # Anvil forgets old blocks' states. This one is new, so that forks can lead back to it.
        self.wire.call("evm_mine", {"timestamp": START})
        for each in (self.database, self.beside):
            each.faults = None
            each.end_process()
        for old in self.folder.glob(FILE + "*"):
            old.unlink()
        shutil.copyfile(self.template, self.file)

    def funding(self, order: Order, nonce: int) -> str:
        """The buyer's transaction that brings the money."""
        return raw_of(ROASTER, nonce, self.deployment.require_escrow().address, call("fund", order.order))


def raw_of(signer: LocalSigner, nonce: int, to: bytes, data: bytes) -> str:
    """A signed transaction, as a node takes it, that pays whatever is asked."""
    transaction = Transaction(
        chain_id=CHAIN_ID, nonce=nonce, to=to, data=data, gas=GAS, tip_wei=0, max_fee_wei=10**12
    )  # fmt: skip
    return "0x" + sign(transaction, signer).hex()


@contextmanager
def opened() -> Iterator[World]:
    """A world, until the block is left. Its files lie in memory where the system has such a place."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() else None
    with ExitStack() as stack:
        anvil = stack.enter_context(running_anvil(*ANVIL, chain_id=CHAIN_ID))
        folder = Path(stack.enter_context(TemporaryDirectory(dir=place)))
        wire = Wire(anvil.url)
        stack.callback(wire.close)
        wire.call("anvil_setBlockTimestampInterval", 0)
        own, beside = (stack.enter_context(failing_database(folder / FILE)) for _ in range(2))
        yield _made(wire, Chain(anvil.url, anvil.chain_id), folder, own, beside)


def _made(wire: Wire, chain: Chain, folder: Path, own: FailingDatabase, beside: FailingDatabase) -> World:
    clock = iter(range(START - 3_000, START))
    nonces: dict[bytes, int] = {}

    def mine() -> None:
        wire.call("evm_mine", {"timestamp": next(clock)})

    def act(signer: LocalSigner, to: bytes, data: bytes) -> None:
        nonce = nonces[signer.address] = nonces.get(signer.address, -1) + 1
        name = wire.call("eth_sendRawTransaction", raw_of(signer, nonce, to, data))
        mine()
        receipt = wire.call("eth_getTransactionReceipt", name)
        assert receipt is not None and receipt["status"] == "0x1", "what all seeds begin with was refused"

    for signer in (*SIGNERS.values(), DEPLOYER):
        wire.call("anvil_setBalance", "0x" + signer.address.hex(), hex(1_000 * ETHER))
    deployment = deploy(chain, DEPLOYER, FOUNDERS, wait=mine, first_nonce=0, with_escrow=True, with_token=True)
    nonces[DEPLOYER.address] = 3
    escrow, registry = deployment.require_escrow(), deployment.party_registry
    (token,), face = escrow.tokens, interface("SettlementToken")
    mine()
    act(DEPLOYER, token, face.call("mint", ROASTER.address, PLENTY))
    act(ROASTER, token, face.call("approve", escrow.address, PLENTY))
    consent = NODE.sign(consent_digest(
        RegistryDomain(CHAIN_ID, registry), ROASTER.address, NODE.address, Use.ANCHOR, 0, FOREVER
    ))  # fmt: skip
    act(ROASTER, registry, registry_call("authorise", NODE.address, Use.ANCHOR, 0, FOREVER, consent))
    orders = tuple(_order(deployment, token, number) for number in range(ORDERS))
    for number, order in enumerate(orders):
        act(ROASTER, escrow.address, propose_call(order.terms, number))
        act(GROWER, escrow.address, call("accept", order.order))
    wire.call("evm_mine", {"timestamp": START - 1})
    base = int(wire.call("eth_blockNumber"), 16) + 1
    _make_template(chain, deployment, folder)
    return World(wire, folder, deployment, orders, base, nonces[ROASTER.address] + 1, own, beside)


def _order(deployment: Deployment, token: bytes, number: int) -> Order:
    """The first is paid at once, the second after a window, the third where buyer and inspector agree."""
    name = f"urn:epcglobal:cbv:bt:9524321000002:PO-{number}"
    both, window_s, due_at = number == 2, WINDOW_S if number == 1 else 0, START + 10 * DAY_S
    receiving, inspecting = DOCUMENT.milestones[:2]
    rules = (replace(receiving, read_points=(ROASTERY, LABORATORY)),) if both else (receiving, inspecting)
    kinds = {"grace_s": 3 * DAY_S, "window_s": window_s}
    receipt = Milestone(RECEIPT, 15_000, 0b11 if both else 0b01, 2 if both else 1, due_at, **kinds)
    inspection = Milestone(INSPECTION, 15_000, 0b10, 1, due_at, **kinds)
    document = replace(DOCUMENT, references=(name,), salt=bytes([number + 1]) * 32, milestones=rules)
    terms = terms_of(document, *([receipt] if both else [receipt, inspection]), fund_by=START + 5 * DAY_S)
    terms = replace(terms, token=token)
    return Order(name, document, order_id(deployment.escrow_domain, number, terms), terms, both)


def _make_template(chain: Chain, deployment: Deployment, folder: Path) -> None:
    """A node that has read the chain up to the block where seeds begin."""
    engine = open_engine(f"sqlite:///{folder / TEMPLATE}")
    make_ready(engine)
    bind(engine, deployment)
    worker = Worker(engine, chain, deployment, SIGNERS, NODE.address, AnchoringSettings())
    for _ in range(3):
        run_pass(worker, START * 1_000_000)
    engine.dispose()
