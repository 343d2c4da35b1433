"""A disk that refuses what a library writes in C: the system's own refusal, for the length of one call.

SQLite can't be made to fail from Python without lying to it. So the process may write no file for that long
(RLIMIT_FSIZE), or the thread in which it syncs has a filter of system calls that answers EIO (seccomp, Linux).
https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import signal
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_LOAD_NUMBER, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_SYNCS = {"x86_64": (74, 75), "aarch64": (82, 83)}
"""The numbers of fsync and fdatasync."""
_libc = ctypes.CDLL(None, use_errno=True)
_T = TypeVar("_T")


def without_room(act: Callable[[], _T]) -> _T:
    """Does it while no file of this process may be written: each write ends with EFBIG, which SQLite takes for EIO."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        return act()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def without_sync(act: Callable[[], _T]) -> _T:
    """Does it in a thread in which each fsync and fdatasync ends with EIO."""
    with ThreadPoolExecutor(1, initializer=_refuse_syncs) as thread:
        return thread.submit(act).result()


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _refuse_syncs() -> None:
    """For this thread, for ever: a filter can't be taken off again. Raises OSError where the system knows none."""
    fsync, fdatasync = _SYNCS[platform.machine()]
    steps = [
        (_LOAD_NUMBER, 0, 0, 0), (_JUMP_EQUAL, 2, 0, fsync), (_JUMP_EQUAL, 1, 0, fdatasync),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE | errno.EIO),
    ]  # fmt: skip
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)):
        if _libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "no filter of system calls")
