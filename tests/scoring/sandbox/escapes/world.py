"""What every escape has: `outside` (paths, ports and processes of the host, told on standard input) and ways to report.

Put before each program by the test, as a module of this name.
"""

import ctypes
import json
import os
import sys

outside = json.loads(sys.stdin.buffer.readline() or b"{}")
libc = ctypes.CDLL(None, use_errno=True)


def attempt(what, action, *arguments):
    """Reports an escape when `action` works: returns something that is not False, None or nothing."""
    try:
        result = action(*arguments)
    except (Exception, SystemExit):
        return
    if result:
        print("ESCAPED", what, repr(result)[:200], flush=True)


def call(name, *arguments):
    """A function of the C library; True when it says that it worked."""
    return getattr(libc, name)(*arguments) >= 0


def raw(number, *arguments):
    """A system call by its number on x86_64; True when it worked, False elsewhere."""
    return os.uname().machine == "x86_64" and libc.syscall(number, *arguments) >= 0


def read(path):
    with open(path, "rb") as file:
        return file.read(200) or b"empty, but open"


def write(path):
    with open(path, "ab") as file:
        return file.write(b"escaped")


def done():
    """Every program that can come to its end says so: it has tried all that it wanted."""
    print("TRIED", flush=True)
