"""Runs a command in its own process group, and ends that group when the tests end.

Tests can be killed at any moment, and workers would continue without them. The tests hold the other
end of this process's standard input, which closes when they end, however they end. Only the
standard library is imported, because this file runs as a script.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

_PATIENCE = 20.0


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        leader.wait(_PATIENCE)
    with suppress(ProcessLookupError):  # what is left, including a leader that did not end
        os.killpg(leader.pid, signal.SIGKILL)


def _leave_with(leader: subprocess.Popen[bytes]) -> None:
    os._exit(min(abs(leader.wait()), 255))


def main() -> None:
    """Run the command in the arguments."""
    leader = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_leave_with, args=[leader], daemon=True).start()
    sys.stdin.read()
    _end_group(leader)


if __name__ == "__main__":
    main()
