"""Compile contracts/ into ledger/artifacts, so that running Tallystick needs no compiler: `python -m scripts.compile`.

The compiler is npm's solc at the version that package-lock.json pins, driven by py-solc-x as if it were a native one
(scripts/solc/solc.js). It is always this one: bytecode then depends on the sources and on nothing of the machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "ledger" / "artifacts"
SOLC_SCRIPT = ROOT / "scripts" / "solc" / "solc.js"
SOLCX_FOLDER = ROOT / ".cache" / "solcx"
SOLC_VERSION = "0.8.37"

# foundry.toml and brownie-config.yaml say the same; tests/contracts/test_artifacts.py compares the three.
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": False,
    "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
}
OUTPUTS = [
    "abi",
    "metadata",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One contract, compiled: the text of its artifact file and of the compiler's metadata, as Sourcify takes it."""

    name: str
    artifact: str
    metadata: str


def compile_contracts(root: Path = ROOT) -> list[Artifact]:
    """Every contract of contracts/*.sol that can be deployed, by name.

    Raises solcx.exceptions.SolcError with the compiler's own words.
    """
    sources = sorted(f"contracts/{path.name}" for path in (root / "contracts").glob("*.sol"))
    standard_input = {
        "language": "Solidity",
        "sources": {source: {"content": (root / source).read_text(encoding="utf-8")} for source in sources},
        "settings": {**SETTINGS, "outputSelection": {"*": {"*": OUTPUTS}}},
    }
    output = solcx.compile_standard(
        standard_input, base_path=root, allow_paths=root, solc_binary=_install_compiler(SOLCX_FOLDER)
    )
    contracts = {Path(source).stem: output["contracts"][source][Path(source).stem] for source in sources}
    return [_artifact(name, each) for name, each in contracts.items() if each["evm"]["bytecode"]["object"]]


def write_artifacts(artifacts: list[Artifact], folder: Path = ARTIFACTS) -> None:
    """Make `folder` hold these artifacts and no others: NAME.json and NAME.metadata.json each."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{each.name}.json": each.artifact for each in artifacts}
    texts |= {f"{each.name}.metadata.json": each.metadata for each in artifacts}
    for stale in {path.name for path in folder.glob("*.json")} - texts.keys():
        (folder / stale).unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _install_compiler(folder: Path) -> Path:
    """The compiler where py-solc-x looks for one, in a folder of the checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / f"solc-v{SOLC_VERSION}"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(SOLC_SCRIPT)
    return solcx.install.get_executable(SOLC_VERSION, solcx_binary_path=folder)


def _artifact(name: str, contract: dict[str, Any]) -> Artifact:
    metadata = json.loads(contract["metadata"])
    deployed = contract["evm"]["deployedBytecode"]
    document = {
        "contractName": name,
        "compiler": {"version": metadata["compiler"]["version"], "settings": SETTINGS},
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": deployed["immutableReferences"],
    }
    return Artifact(name, json.dumps(document, indent=1, ensure_ascii=False) + "\n", contract["metadata"])


def main() -> None:
    """Rebuild ledger/artifacts and say how large each contract is (24,576 bytes is the chain's limit, EIP-170)."""
    artifacts = compile_contracts()
    write_artifacts(artifacts)
    for each in artifacts:
        size = len(json.loads(each.artifact)["deployedBytecode"]) // 2 - 1
        print(f"{each.name}: {size:,} bytes")


if __name__ == "__main__":
    main()
