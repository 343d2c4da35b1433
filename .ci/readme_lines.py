"""Run every `make` line that README.md shows in a shell block, as a newcomer would.

A line that serves (`make demo`) is given until it prints `ready:`, then Ctrl-C, and has to end cleanly by itself.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

READY_S_MAX = 300
RUN_S_MAX = 900


def make_lines() -> list[str]:
    text = Path("README.md").read_text()
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ").split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith("make ")))


def serve(line: str, data: str) -> int:
    """Start the demo, wait for its `ready:` line, interrupt it; 0 where it got ready and left nothing running."""
    environment = os.environ | ({} if "DATA=" in line else {"DATA": data})
    process = subprocess.Popen(
        ["bash", "-c", f"exec {line}"], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    watchdog = threading.Timer(READY_S_MAX, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.start()
    is_ready = False
    for printed in process.stdout:
        print("   ", printed, end="", flush=True)
        if printed.startswith("ready:"):
            is_ready = True
            os.killpg(process.pid, signal.SIGINT)
    process.wait()
    watchdog.cancel()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return 0 if is_ready else 1
    print("    something was left running", flush=True)
    os.killpg(process.pid, signal.SIGKILL)
    return 1


def main() -> int:
    already_run = {"make test"}
    for line in make_lines():
        if line in already_run:
            continue
        print(f"--- README: {line}", flush=True)
        if line.startswith("make demo"):
            with tempfile.TemporaryDirectory() as data:
                code = serve(line, data)
        else:
            code = subprocess.run(["bash", "-c", line], timeout=RUN_S_MAX, check=False).returncode
        if code:
            print(f"--- README: {line} failed", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
