"""`python -m scripts.leash PID COMMAND ...`: a `tally` command as the child of process PID, which it does not outlive.

A supervisor that is killed can't end its children. So each looks for itself whether its parent is still there, which
works on every system, and ends as if it had been asked to.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

LOOK_EVERY_S = 0.2
GRACE_S = 3.0


def end_with_parent(parent: int) -> None:
    """From now on this process ends soon after its parent, process `parent`: asked first, by force `GRACE_S` later.

    Whose child it is has to be told: by the time it looks, its parent may be gone already.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="leash", daemon=True).start()


if __name__ == "__main__":
    end_with_parent(int(sys.argv.pop(1)))
    # Loading it takes seconds, in which the parent may end.
    from api.cli import main

    main()
