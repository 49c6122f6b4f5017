"""The first thing that runs inside the sandbox: gives up what is left of its rights, then runs the program.

Its text is handed to `python -c`, so it imports nothing of locoman. Arguments: the number of a file with one JSON object
{"code", "limits": {"RLIMIT_...": [soft, hard]}, "user": number or null, "token"}, and that of a pipe, to which it
writes "+" before the program begins, and the token when the program has come to its end.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import types


def main(given: int, told: int) -> int:
    """The exit status, when the program has none of its own."""
    with os.fdopen(given, "rb") as file:
        order = json.load(file)
    os.set_inheritable(told, False)
    _give_up_rights(order["limits"], order["user"])
    sys.argv[:] = ["program.py"]
    code, token = order.pop("code"), order.pop("token").encode()
    os.write(told, b"+")
    try:
        _run(code)
    except Exception:  # noqa: BLE001  (whatever the program raises is told as Python would)
        kind, error, trace = sys.exc_info()
        traceback.print_exception(kind, error, _inside(trace))
        return 1
    os.write(told, token)
    return 0


def _give_up_rights(limits: dict[str, list[int]], user: int | None) -> None:
    import resource

    for name, (soft, hard) in limits.items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _run(code: str) -> None:
    import linecache

    linecache.cache["program.py"] = (len(code), None, code.splitlines(keepends=True), "program.py")
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(code, "program.py", "exec"), module.__dict__)


def _inside(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The part of the traceback that is about the program; all of it where the program did not even compile."""
    inner = trace
    while inner is not None and inner.tb_frame.f_code.co_filename != "program.py":
        inner = inner.tb_next
    return inner


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
