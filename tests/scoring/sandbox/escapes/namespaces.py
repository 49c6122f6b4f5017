import os

from world import attempt, call, done, raw

for name, flag in (
    ("user", 0x10000000),
    ("mount", 0x20000),
    ("net", 0x40000000),
    ("pid", 0x20000000),
    ("ipc", 0x8000000),
):
    attempt(f"a new {name} namespace", call, "unshare", flag)
    attempt(f"a process in a new {name} namespace", raw, 56, flag | 17, 0, 0, 0, 0)
for name in ("mnt", "net", "pid", "user"):
    attempt(f"the {name} namespace of process 1", lambda name=name: os.open(f"/proc/1/ns/{name}", os.O_RDONLY))
attempt("entering one", call, "setns", 0, 0)
attempt("opening a file by its handle", raw, 304, -100, b"\0" * 16, 0)
done()
