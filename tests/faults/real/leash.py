"""`python -I leash.py PARENT COMMAND...` becomes COMMAND, and the system kills it once process PARENT is gone.

So a run that is killed leaves nothing behind. Linux only; the parent is the thread that started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("whoever started this is gone already")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
