"""`python -m scripts.bench.judge [IDENTIFIER] < BUNDLE`: the verdict on one bundle, and what it took, as JSON.

A process of its own, with nothing in it but the verifier: what it holds is what a verdict takes. It works in one
thread: the time of the processor counts, whatever else the machine is busy with.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from traceability.verification import verify


def peak_bytes() -> int:
    """The most memory that this process ever held.

    Linux tells it of the process alone; getrusage includes what whoever started it held at that moment.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Judge what comes in."""
    data = sys.stdin.buffer.read()
    started = time.process_time()
    verdict = verify(data, identifier=sys.argv[1] if len(sys.argv) > 1 else None)
    elapsed_s = time.process_time() - started
    judged = {"code": verdict.code, "reason": verdict.reason, "seconds": elapsed_s, "peak_bytes": peak_bytes()}
    sys.stdout.write(json.dumps(judged))


if __name__ == "__main__":
    main()
