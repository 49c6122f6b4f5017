"""The process between locoman and bwrap: whatever becomes of locoman, it ends what runs in the sandbox.

bwrap asks the kernel to be ended with its parent, but only once it runs: a parent that has died by then is not noticed. And
bwrap's child waits, until bwrap lets it go on, for a word that never comes when bwrap is ended in between. So the sandbox is
ended from its inside out, and by a process that is still there: a pipe from locoman, to which nothing is written, is at its
end when locoman ends in whatever way; then process 1 of the sandbox is killed, and bwrap goes when it has seen that.

Its text is handed to `python -c`, so it imports nothing of locoman, and of the library no more than it must: it is started
for every program. Arguments: the number of that pipe, then bwrap's command.
"""

from __future__ import annotations

import os
import select
import sys

_SIGKILL = 9


def main(lifeline: int, bwrap: str, arguments: list[str]) -> int:
    """bwrap's exit status, once nothing is left of what ran in it."""
    os.set_inheritable(lifeline, False)
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        process = os.posix_spawn(bwrap, [bwrap, "--json-status-fd", str(write), *arguments], os.environ)
    except OSError as error:
        sys.stderr.write(f"{bwrap}: {error.strerror}")
        return 127
    os.close(write)
    with os.fdopen(read, "rb") as status:  # open to the end: bwrap writes there once more
        first = _first_process(status.readline())
        if first is not None:
            _until_gone(first, lifeline)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return code if code >= 0 else 128 - code


def _first_process(status: bytes) -> int | None:
    """The process that is number 1 inside, as bwrap tells it; None where it could not make one."""
    told = status.partition(b'"child-pid":')[2].split()
    return int(told[0].strip(b",}")) if told else None


def _until_gone(first: int, lifeline: int) -> None:
    """Process 1 goes last, and takes all others with it."""
    try:
        gone = os.pidfd_open(first)
    except ProcessLookupError:
        return
    if gone not in select.select([lifeline, gone], [], [])[0]:
        os.kill(first, _SIGKILL)
        select.select([gone], [], [])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
