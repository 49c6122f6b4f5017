import os

from world import attempt, call, done, outside, read

for root in ("/proc/1/root", "/proc/self/root", "/proc/self/cwd/../..", f"/proc/{outside['pid']}/root", "/proc/1/cwd"):
    attempt(root, read, root + outside["secret"])
    attempt(root, os.listdir, root + "/home")
os.makedirs("/tmp/proc")
attempt("mounting /proc", call, "mount", b"proc", b"/tmp/proc", b"proc", 0, None)
attempt("up from here", read, "../" * 40 + outside["secret"].lstrip("/"))
done()
