"""The Brownie smoke test: compile, deploy on a running Anvil, and ask at the console.

Runs in Brownie's own environment, with HOME inside the checkout (scripts/brownie.sh): its name keeps pytest away.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROWNIE = Path(sys.executable).parent / "brownie"
NETWORK = "tallystick-smoke"
CONTRACTS = ["PartyRegistry", "EventLog", "SettlementToken", "DeliveryEscrow", "Receivable"]
CONSOLE = """
registry, event_log, token, escrow, receivable = run("deploy")
print("answer", registry.standingOf(accounts[1], 1, chain[-1].timestamp, 0)[0] == accounts[1])
print("answer", len(registry.members()), registry.activeCount(), registry.profileOf(accounts[2])[1])
print("answer", event_log.anchor("0x" + "11" * 32, 500, {"from": accounts[0]}).events["Anchored"]["count"])
print("answer", event_log.anchorOf("0x" + "11" * 32)[3] == accounts[0])
order = run("deploy", "order", (token, escrow))
print("answer held", escrow.itemOf(order, 0, "0x" + "00" * 32)["held"], token.balanceOf(escrow))
print("answer paid", escrow.release(order, 0, "0x" + "00" * 32, {"from": accounts[1]}).events["ItemPaid"]["toPayee"])
escrow.collect(token, accounts[0])
print("answer collected", token.balanceOf(accounts[0]), token.balanceOf(escrow))
print("answer receivable", receivable.escrow() == escrow, token.symbol())
"""
ANSWERS = [
    "answer True",
    "answer 3 3 Corner Shop",
    "answer 500",
    "answer True",
    "answer held 100000 100000",
    "answer paid 100000",
    "answer collected 100000 0",
    "answer receivable True XTS",
]


def brownie(*words: str, console: str = "") -> str:
    """What Brownie prints; an error ends the test."""
    done = subprocess.run(
        [BROWNIE, *words], cwd=ROOT, input=console, capture_output=True, text=True, timeout=300, check=False
    )
    output = done.stdout + done.stderr
    if done.returncode != 0:
        raise SystemExit(f"brownie {' '.join(words)} exited {done.returncode}:\n{output}")
    return output


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_anvil(port: int) -> "subprocess.Popen[bytes]":
    """A chain on `port` that answers."""
    binary = next(ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))
    anvil = subprocess.Popen([binary, "--port", str(port), "--silent"])
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return anvil
        time.sleep(0.05)
    anvil.kill()
    raise SystemExit("Anvil does not answer")


def expect(text: str, output: str) -> None:
    """End the test where Brownie did not say so."""
    if text not in output:
        raise SystemExit(f"Brownie did not say {text!r}:\n{output}")


def main() -> None:
    """Compile, deploy, ask."""
    if ROOT not in Path(os.environ["HOME"]).parents:
        raise SystemExit("Brownie writes into HOME: point it into the checkout (scripts/brownie.sh does)")
    expect("Project has been compiled", brownie("compile"))
    port = free_port()
    anvil = start_anvil(port)
    try:
        with contextlib.suppress(SystemExit):
            brownie("networks", "delete", NETWORK)
        brownie("networks", "add", "development", NETWORK, "cmd=anvil", "host=http://127.0.0.1", f"port={port}")
        deployed = brownie("run", "scripts/deploy.py", "--network", NETWORK)
        for contract in CONTRACTS:
            expect(f"{contract:15} 0x", deployed)
        answers = brownie("console", "--network", NETWORK, console=CONSOLE)
        for answer in ANSWERS:
            expect(answer, answers)
    finally:
        anvil.kill()
        anvil.wait()
    sys.stdout.write(f"{len(ANSWERS) + len(CONTRACTS) + 1} passed, 0 failed\n")


if __name__ == "__main__":
    main()
