import os
import signal

from world import attempt, done, outside


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    os.kill(pid, 0)
    return pid == outside["pid"]


attempt("killing who started it", kill, outside["pid"])
attempt("killing its group", os.killpg, os.getpgid(0) + 1, signal.SIGKILL)
for pid in (1, os.getppid()):
    attempt("killing process 1", kill, pid)
done()
