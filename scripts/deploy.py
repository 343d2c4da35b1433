"""Found a consortium of three on the chain that Brownie is attached to: `brownie run scripts/deploy.py`.

For contract developers, at a console of theirs. Imports nothing of ours, and nothing of ours imports it: nodes deploy
through ledger.deployment.
"""

from __future__ import annotations

from typing import Any

from brownie import EventLog, PartyRegistry, accounts, chain

# GLNs under 952, GS1's prefix for demonstrations; roles as in IPartyRegistry: 1 supplier, 2 manufacturer, 8 retailer.
FOUNDERS = [
    ("9520000000011", "Finca El Mirador", 1),
    ("9520000000028", "Night Owl Roasters", 2),
    ("9520000000035", "Corner Shop", 8),
]


def main() -> tuple[Any, Any]:
    """Deploy PartyRegistry, with the first three accounts as its founders, and EventLog; returns both contracts."""
    deployer = accounts[0]
    founders = [
        (accounts[number].address, (gln, name, roles, "", b"")) for number, (gln, name, roles) in enumerate(FOUNDERS)
    ]
    registry = PartyRegistry.deploy(founders, {"from": deployer})
    event_log = EventLog.deploy(registry, {"from": deployer})
    # Founders stand from the second after the block that admits them.
    while registry.standingOf(deployer, 4, chain[-1].timestamp, 0)[0] != deployer:
        chain.sleep(1)
        chain.mine()
    print(f"PartyRegistry {registry.address}")
    print(f"EventLog      {event_log.address}")
    return registry, event_log
