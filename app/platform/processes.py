"""Child processes: no child outlives its parent, whatever ends the parent."""

import os
import sys
from collections.abc import Callable
from ctypes import CDLL
from signal import Signals

_PR_SET_PDEATHSIG = 1


def end_with_parent(wish: Signals) -> Callable[[], None] | None:
    """Return what a child runs to be sent `wish` when its parent thread ends; None where only Linux can.

    Made for `preexec_fn`: the library is loaded here, before the fork, and what is returned makes system
    calls only. It has to run after a change of user, which would clear the wish; `subprocess` does that.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(wish))
        if os.getppid() != parent:
            os._exit(1)

    return ask


def end_myself_with_parent(wish: Signals) -> None:
    """Ask to be sent `wish` when the thread that started this process ends; Linux only."""
    if sys.platform == "linux":
        CDLL(None).prctl(_PR_SET_PDEATHSIG, int(wish))
