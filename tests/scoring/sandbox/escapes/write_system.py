import os
import sys

from world import attempt, done, write

places = (
    "/escaped",
    "/usr/escaped",
    "/usr/bin/python3",
    "/bin/escaped",
    "/lib/escaped",
    "/etc/escaped",
    "/dev/escaped",
    "/etc/ld.so.preload",
)
for path in (*places, os.__file__, sys.executable, os.path.dirname(os.__file__) + "/escaped.py"):
    attempt(path, write, path)
    attempt(f"removing {path}", lambda path=path: os.remove(path) is None)
    attempt(f"opening {path} for everybody", lambda path=path: os.chmod(path, 0o777) is None)
done()
