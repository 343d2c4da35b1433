"""`python -m tests.outsider FILE [IDENTIFIER]`: the outsider's offline verdict on a bundle. Exit code 1: failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.outsider.verifier import verdict

if __name__ == "__main__":
    judged = verdict(Path(sys.argv[1]).read_bytes(), identifier=sys.argv[2] if len(sys.argv) > 2 else None)
    sys.stdout.write(json.dumps(judged, indent=1) + "\n")
    sys.exit(judged["result"] == "failed")
