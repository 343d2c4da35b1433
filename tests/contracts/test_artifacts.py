"""ledger/artifacts: what the sources compile to, by settings that three tools share."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from ledger.abi import CONTRACTS
from ledger.record import keccak256
from scripts import compile as compiling

ROOT = Path(__file__).resolve().parents[2]
SIZE_MAX = 24_576


def artifact(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((compiling.ARTIFACTS / f"{name}.json").read_text())
    return content


def test_the_committed_artifacts_are_what_the_sources_compile_to(tmp_path: Path) -> None:
    compiling.write_artifacts(compiling.compile_contracts(), tmp_path)

    fresh = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in compiling.ARTIFACTS.glob("*.json")}
    assert sorted(fresh) == sorted(committed)
    stale = [name for name, content in fresh.items() if content != committed[name]]
    assert stale == [], "run `python -m scripts.compile` and commit ledger/artifacts"


def test_the_metadata_names_the_very_sources() -> None:
    for path in compiling.ARTIFACTS.glob("*.metadata.json"):
        for source, facts in json.loads(path.read_text())["sources"].items():
            file = ROOT / source if (ROOT / source).exists() else ROOT / "node_modules" / source
            assert "0x" + keccak256(file.read_bytes()).hex() == facts["keccak256"], f"{path.name}: {source}"


def test_contracts_fit_on_a_chain() -> None:
    for name in (*CONTRACTS, "Bounds"):
        size = len(bytes.fromhex(artifact(name)["deployedBytecode"][2:]))
        assert 0 < size <= SIZE_MAX, f"{name} has {size:,} bytes (EIP-170)"


def test_the_three_tools_compile_alike() -> None:
    ours = compiling.SETTINGS
    forge = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    brownie = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    assert forge["evm_version"] == brownie["evm_version"] == ours["evmVersion"]
    assert {"enabled": forge["optimizer"], "runs": forge["optimizer_runs"]} == ours["optimizer"]
    assert brownie["solc"]["optimizer"] == ours["optimizer"]
    assert forge["via_ir"] is brownie["solc"]["viaIR"] is ours["viaIR"]
    assert forge["remappings"] == ours["remappings"]
    assert forge["solc"] == str(compiling.SOLC_SCRIPT.relative_to(ROOT))


def test_the_compiler_is_the_locked_one() -> None:
    locked = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    brownie = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    assert locked == compiling.SOLC_VERSION == str(brownie["solc"]["version"])
    assert artifact("EventLog")["compiler"]["version"].startswith(f"{locked}+commit.")
