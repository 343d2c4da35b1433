"""`python -I leash.py PARENT USER COMMAND...` becomes COMMAND, and the system kills it once process PARENT is gone.

It runs as USER, or as whoever starts it where that is "".

So a run that is killed leaves nothing behind. Linux only; the parent is the thread that started it.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, user: str, command: list[str]) -> None:
    if user:
        who = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)
    # Only now: whoever changes the user is let off the leash.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("whoever started this is gone already")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
