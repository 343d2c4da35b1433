"""scripts/solc/solc.js: the compiler's command line as forge, py-solc-x, slither and Brownie call it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import time
from pathlib import Path

from scripts.compile import ROOT, SOLC_SCRIPT, SOLC_VERSION

OUTER = 'pragma solidity 0.8.37; import "lib/Inner.sol"; contract Outer is Inner {}'
INNER = "pragma solidity 0.8.37; contract Inner {}"


def run(*words: str, given: str = "", cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SOLC_SCRIPT, *words], input=given, capture_output=True, text=True, cwd=cwd, check=False)


def standard_input(filling: str = "") -> str:
    return json.dumps(
        {
            "language": "Solidity",
            "sources": {"Outer.sol": {"content": OUTER + filling}},
            "settings": {"outputSelection": {"*": {"*": ["abi"]}}},
        }
    )


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [e["message"] for e in json.loads(done.stdout).get("errors", []) if e["severity"] == "error"]


def write_inner(folder: Path) -> None:
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "Inner.sol").write_text(INNER)


def test_it_says_its_version_as_a_native_compiler_does() -> None:
    name, version = run("--version").stdout.splitlines()
    assert name == "solc, the solidity compiler commandline interface"
    assert re.fullmatch(rf"Version: {re.escape(SOLC_VERSION)}\+commit\.[0-9a-f]{{8}}\.\S+", version)


def test_it_reads_imports_under_base_and_include_paths(tmp_path: Path) -> None:
    write_inner(tmp_path / "included")
    (tmp_path / "base").mkdir()
    done = run(
        "--standard-json", "--base-path", str(tmp_path / "base"), "--include-path", str(tmp_path / "included"),
        given=standard_input(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert errors(done) == []
    assert "lib/Inner.sol" in json.loads(done.stdout)["sources"]


def test_an_import_that_is_nowhere_is_a_compilers_error(tmp_path: Path) -> None:
    done = run("--standard-json", "--base-path", str(tmp_path), given=standard_input())
    assert done.returncode == 0
    assert any("not found" in message for message in errors(done))


def test_a_link_out_of_the_allowed_paths_is_not_followed(tmp_path: Path) -> None:
    write_inner(tmp_path / "elsewhere")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "lib").symlink_to(tmp_path / "elsewhere" / "lib")
    command = ("--standard-json", "--base-path", str(tmp_path / "base"))
    assert any("outside of allowed" in message for message in errors(run(*command, given=standard_input())))
    allowed = run(*command, "--allow-paths", f".,{tmp_path / 'elsewhere'}", given=standard_input())
    assert errors(allowed) == []


def test_slow_and_nonblocking_pipes_lose_nothing(tmp_path: Path) -> None:
    """Node's and Python's parents hand over such pipes: a read or write is partial, or refused until later."""
    write_inner(tmp_path)
    given = standard_input(filling="".join(f"contract C{n} {{}}\n" for n in range(1_000))).encode()
    (its_input, our_output), (our_input, its_output) = os.pipe(), os.pipe()
    for end in (its_input, its_output):
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(end, False)
    command = [SOLC_SCRIPT, "--standard-json", "--base-path", str(tmp_path)]
    with subprocess.Popen(command, stdin=its_input, stdout=its_output) as process:
        os.close(its_input)
        os.close(its_output)
        time.sleep(0.5)
        with os.fdopen(our_output, "wb") as writer:
            writer.write(given)
        with os.fdopen(our_input, "rb", buffering=0) as reader:
            time.sleep(2)
            received = reader.readall()
    assert process.returncode == 0
    assert len(json.loads(received)["contracts"]["Outer.sol"]) == 1_001


def test_what_it_does_not_know_it_refuses() -> None:
    assert run("--bin", "contracts/EventLog.sol").returncode == 2
    assert "unknown option --bin" in run("--bin").stderr
    assert run("contracts/EventLog.sol").returncode == 1
    assert "--base-path needs a value" in run("--standard-json", "--base-path").stderr
