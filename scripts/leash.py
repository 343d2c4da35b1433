"""`python -m scripts.leash COMMAND ...`: a `tally` command as the child of a supervisor, which it does not outlive.

A supervisor that is killed can't end its children. So each looks for itself whether its parent is still there, which
works on every system, and ends as if it had been asked to.
"""

from __future__ import annotations

import os
import signal
import threading
import time

from api.cli import main

LOOK_EVERY_S = 0.2
GRACE_S = 3.0


def end_with_parent() -> None:
    """From now on this process ends soon after the one that started it: asked first, by force `GRACE_S` later."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="leash", daemon=True).start()


if __name__ == "__main__":
    end_with_parent()
    main()
