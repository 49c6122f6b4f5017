import os
import subprocess

from world import attempt, done


def run(*command):
    found = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
    return b"uid=0" in found.stdout


for name in ("su", "sudo", "pkexec", "mount", "newgrp", "passwd", "chsh"):
    attempt(name, run, name, "-c", "id")
attempt("being root", lambda: os.setuid(0) is None and os.getuid() == 0)
attempt("having been root", lambda: os.setresuid(0, 0, 0) is None and os.getuid() == 0)
attempt("the groups of root", lambda: os.setgroups([0]) is None)
attempt(
    "a program with other rights",
    lambda: (
        os.chmod("/tmp", 0o4777) or os.chown("/tmp", 0, 0) or os.stat("/tmp").st_mode & 0o4000 and os.getuid() != 65534
    ),
)
attempt(
    "rights of its own",
    lambda: any(int(line.split()[1], 16) for line in open("/proc/self/status") if line.startswith("CapEff")),
)
done()
