"""Found a consortium of three on the chain that Brownie is attached to: `brownie run scripts/deploy.py`.

For contract developers, at a console of theirs. Imports nothing of ours, and nothing of ours imports it: nodes deploy
through ledger.deployment.
"""

from __future__ import annotations

from typing import Any

from brownie import DeliveryEscrow, EventLog, PartyRegistry, Receivable, SettlementToken, accounts, chain

# GLNs under 952, GS1's prefix for demonstrations; roles as in IPartyRegistry: 1 supplier, 2 manufacturer, 8 retailer.
FOUNDERS = [
    ("9520000000011", "Finca El Mirador", 1),
    ("9520000000028", "Night Owl Roasters", 2),
    ("9520000000035", "Corner Shop", 8),
]


DAY_S = 86_400
PRICE, BAGS = 1_000_00, 500


def main() -> tuple[Any, ...]:
    """Deploy all, the first three accounts being the founders: registry, log, token, escrow and receivable."""
    deployer = accounts[0]
    founders = [
        (accounts[number].address, (gln, name, roles, "", b"")) for number, (gln, name, roles) in enumerate(FOUNDERS)
    ]
    registry = PartyRegistry.deploy(founders, {"from": deployer})
    event_log = EventLog.deploy(registry, {"from": deployer})
    token = SettlementToken.deploy({"from": deployer})
    escrow = DeliveryEscrow.deploy(event_log, {"from": deployer})
    receivable = Receivable.at(escrow.receivable())
    # Founders stand from the second after the block that admits them.
    while registry.standingOf(deployer, 4, chain[-1].timestamp, 0)[0] != deployer:
        chain.sleep(1)
        chain.mine()
    print(f"PartyRegistry   {registry.address}")
    print(f"EventLog        {event_log.address}")
    print(f"SettlementToken {token.address}")
    print(f"DeliveryEscrow  {escrow.address}")
    print(f"Receivable      {receivable.address}")
    return registry, event_log, token, escrow, receivable


def order(token: Any, escrow: Any) -> str:
    """An order that the roaster (the second account) has funded: 500 bags of the first one's coffee for 1,000.00 in
    thirty days, which the roaster itself attests; returns its id."""
    grower, roaster = accounts[0], accounts[1]
    now = chain[-1].timestamp
    milestone = (PRICE, BAGS, 1, 1, now + 30 * DAY_S, 10 * DAY_S, 0, 0, 100, 500, 2_000)
    terms: tuple[Any, ...] = (
        roaster,
        grower,
        token,
        b"terms".rjust(32),
        "0x" + "00" * 20,
        now + DAY_S,
        [],
        [roaster],
        [milestone],
    )
    identifier = escrow.orderId(terms, 1)
    escrow.propose(terms, 1, {"from": roaster})
    escrow.accept(identifier, {"from": grower})
    token.mint(roaster, PRICE, {"from": grower})
    token.approve(escrow, PRICE, {"from": roaster})
    escrow.fund(identifier, {"from": roaster})
    return str(identifier)
