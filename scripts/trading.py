"""Does in the demo what the two sides of an order do by hand: propose, accept, fund, sell, dispute, rule.

Each step looks first whether it was done already, so that a play that was cut short goes on where it ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from ledger import ordering
from ledger.abi import interface
from ledger.book import OrderState
from ledger.chain import Chain
from ledger.consortium import Registry
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.errors import UnknownOrder, UnknownParty
from ledger.keystore import LocalSigner
from ledger.orderbook import order_of
from ledger.orderdesk import feasible, standpoint_of
from ledger.ordering import Action, Standpoint
from ledger.orders import REST, State, order_id, permit_digest
from ledger.submission import plan
from ledger.tokens import holding_of, permit_terms, token_of
from scripts.scenario import Party
from scripts.scenario.trade import CURRENCY, Order, Step
from scripts.scenario.trade import Action as Deed
from traceability.order_terms import keep_terms
from traceability.purchase_order import KnownParty, PurchaseOrder, Token, read_purchase_order

DEADLINE_S = 86_400
NONCE = 1
"""Of every order: the terms alone make an order of the story another one."""


@dataclass(frozen=True)
class Trader:
    """All parties' hands at once: their keys by file name, and the node that they all use."""

    engine: Engine
    chain: Chain
    deployment: Deployment
    keys: Mapping[str, LocalSigner]

    def order_of(self, order: Order, start_at: int) -> bytes:
        """The id on chain of one of the story's orders. `start_at` is the story's start, in seconds."""
        return order_id(self.deployment.escrow_domain, NONCE, self._read(order, start_at).terms)

    def act(self, order: Order, step: Step, start_at: int, now_at: int) -> bool:
        """Plans what the step takes, as of `now_at`; False where it was done before.

        Assumes that everything planned before is final. Raises the errors of ledger.ordering.
        """
        bought = self._read(order, start_at)
        name = order_id(self.deployment.escrow_domain, NONCE, bought.terms)
        with reading(self.engine) as session:
            view = standpoint_of(session, self.deployment)
            state = _state(lambda: order_of(session, name))
        if step.action is Deed.PROPOSE:
            return state is None and self._propose(view, bought, now_at)
        if state is None or _is_done(step, state, self._account(step.other)):
            return False
        for action in self._actions(view, state, step):
            self._plan(action, now_at)
        return True

    def _read(self, order: Order, start_at: int) -> PurchaseOrder:
        with reading(self.engine) as session:
            view = standpoint_of(session, self.deployment)
            known = token_of(session, self._token)
        tokens = [Token(known.address, CURRENCY, known.decimals)]
        # Whoever guesses the salt can guess which deliveries an order has; here everybody may.
        salt = hashlib.sha256(f"demo {order.number}".encode()).digest()
        file = json.dumps(order.as_file()).encode()
        return read_purchase_order(file, resolve=_resolver(view.registry), tokens=tokens, now_at=start_at, salt=salt)

    def _propose(self, view: Standpoint, bought: PurchaseOrder, now_at: int) -> bool:
        name, action = ordering.propose(view, bought.terms, NONCE)
        with writing(self.engine) as session:
            keep_terms(session, bought.document, name, now_at * 1_000_000)
        self._plan(action, now_at)
        return True

    def _actions(self, view: Standpoint, state: OrderState, step: Step) -> list[Action]:
        match step.action:
            case Deed.ACCEPT:
                return [ordering.accept(view, state)]
            case Deed.FUND:
                return [self._fund(view, state)]
            case Deed.TOKENISE:
                return [ordering.tokenise(view, state)]
            case Deed.SELL:
                buyer = self._account(step.other)
                data = interface("SettlementToken").call("transfer", view.actor_of(state.terms.seller), step.price)
                paid = Action(f"pay:{state.order.hex()}", buyer, self._token, data, data)
                return [paid, ordering.transfer_if(view, state, buyer, state.version)]
            case Deed.DISPUTE:
                return [ordering.dispute(view, state, *_delivery(state), state.terms.buyer)]
            case _:
                return [ordering.rule(view, state, *_delivery(state), step.payee_bps)]

    def _fund(self, view: Standpoint, state: OrderState) -> Action:
        owner = view.actor_of(state.terms.buyer)
        signer = next(key for key in self.keys.values() if key.address == owner)
        held = holding_of(self.chain, self._token, owner, view.domain.escrow)
        permit = permit_terms(self.chain, self._token, owner)
        assert permit is not None  # SettlementToken takes permits
        separator, nonce = permit
        deadline_at = view.at + DEADLINE_S
        digest = permit_digest(separator, owner, view.domain.escrow, state.terms.amount, nonce, deadline_at)
        return ordering.fund_with_permit(view, state, held.balance, deadline_at, signer.sign(digest))

    def _plan(self, action: Action, now_at: int) -> None:
        data = feasible(self.chain, action)
        with writing(self.engine) as session:
            plan(
                session, intent=action.name, sender=action.sender, to=action.to, data=data, now_us=now_at * 1_000_000
            )  # fmt: skip

    def _account(self, party: Party | None) -> bytes:
        return b"" if party is None else self.keys[party.slug].address

    @property
    def _token(self) -> bytes:
        (token,) = self.deployment.require_escrow().tokens
        return token


def _state(read: Callable[[], OrderState]) -> OrderState | None:
    try:
        return read()
    except UnknownOrder:
        return None


def _is_done(step: Step, state: OrderState, other: bytes) -> bool:
    match step.action:
        case Deed.ACCEPT:
            return state.state is not State.PROPOSED
        case Deed.FUND:
            return state.state is not State.ACCEPTED
        case Deed.TOKENISE:
            return bool(state.holders)
        case Deed.SELL:
            return other in state.holders
        case Deed.DISPUTE:
            return any(item.is_disputed for item in state.items.values())
        case _:
            return state.state is State.ENDED


def _delivery(state: OrderState) -> tuple[int, bytes]:
    """The one delivery that the order has."""
    return next(name for name in state.items if name[1] != REST)


def _resolver(registry: Registry) -> Callable[[str], KnownParty]:
    def resolve(text: str) -> KnownParty:
        account = registry.party_of_gln(text)
        if account is None:
            raise UnknownParty(text)
        return KnownParty(account, text)

    return resolve
