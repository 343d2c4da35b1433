"""The import rules of the house: arrows never turn back, web3 and FastAPI stay where they belong.

scripts ─┐
api ─────┼──> traceability ──> ledger ──> ledger/artifacts/*.json
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FLOORS = {
    "ledger": {"ledger"},
    "traceability": {"traceability", "ledger"},
    "api": {"api", "traceability", "ledger"},
    "scripts": {"scripts", "api", "traceability", "ledger"},
}
HOUSE = set(FLOORS)
# A file may do I/O only if it stands here: adding one is a decision.
LEDGER_EDGE = """
    anchoring blockjournal chain copying database deployment derivation devnet follower keystore lapses latecomers
    losses nonces numbering orderbook orderdesk ordertables outlook rebuilding rpc settlement standing submission
    tables tokens worker
"""
TRACEABILITY_EDGE = """
    attesting auditing capture decisions declarations evidence foreign history jobs judging naming order_terms prospects
    reindexing repository store tables withdrawal
"""
EDGE = {
    "ledger": {f"{name}.py" for name in LEDGER_EDGE.split()},
    "traceability": {f"{name}.py" for name in TRACEABILITY_EDGE.split()},
}
IO_MODULES = {"sqlalchemy", "sqlmodel", "socket", "httpx", "requests", "subprocess", "urllib", "time", "random"}


def sources(package: str) -> list[Path]:
    return sorted(path for path in (CHECKOUT / package).rglob("*.py") if "node_modules" not in path.parts)


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_arrows_never_turn_back(package: str) -> None:
    wrong = {str(path): found for path in sources(package) if (found := (tops(path) & HOUSE) - FLOORS[package])}
    assert wrong == {}


@pytest.mark.parametrize("package", ["ledger", "traceability", "api"])
def test_web3_is_imported_by_rpc_alone(package: str) -> None:
    # Not by chain.py: what was asked and answered is one matter, what the answers mean another, and devnet.py needs
    # the former alone.
    assert {path.name for path in sources(package) if "web3" in tops(path)} <= {"rpc.py"}


@pytest.mark.parametrize("package", ["ledger", "traceability"])
def test_fastapi_stays_in_api(package: str) -> None:
    assert [str(path) for path in sources(package) if tops(path) & {"fastapi", "starlette", "uvicorn", "typer"}] == []


def test_no_package_of_ours_imports_brownie() -> None:
    importers = {path.relative_to(CHECKOUT).as_posix() for package in FLOORS for path in sources(package)
                 if "brownie" in tops(path)}  # fmt: skip
    assert importers <= {"scripts/deploy.py"}


@pytest.mark.parametrize("package", sorted(EDGE))
def test_only_edge_files_do_io(package: str) -> None:
    wrong = {path.name: found for path in sources(package)
             if path.name not in EDGE[package] and (found := tops(path) & IO_MODULES)}  # fmt: skip
    assert wrong == {}


def test_the_ledger_does_not_speak_of_goods() -> None:
    words = ("epcis", "gtin", "shipment")
    wrong = [f"{path.name}: {word}" for path in sources("ledger") for word in words if word in path.read_text().lower()]
    assert wrong == []


def test_files_stay_small() -> None:
    long = {str(path): count for package in FLOORS for path in sources(package)
            if (count := len(path.read_text().splitlines())) > 500}  # fmt: skip
    assert long == {}
