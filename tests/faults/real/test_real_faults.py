"""The short run of tests/faults/real: a node on SQLite, a fault of most kinds, and every promise kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

SHORT = ["--short", "--faults", "9", "--events", "50", "--orders", "1", "--seed", "2"]


@pytest.mark.slow
def test_a_node_that_is_disturbed_under_load_keeps_what_it_told_its_clients(tmp_path: Path) -> None:
    # In a process of its own, for a run gets itself file systems that nobody else sees, and ends with what it started.
    command = [sys.executable, "-m", "tests.faults.real", *SHORT, "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
