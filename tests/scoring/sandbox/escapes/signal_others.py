import os
import signal

from world import attempt, done, outside


def interrupt(pid):
    os.kill(pid, signal.SIGTERM)
    return pid == outside["canary"]


attempt("another process", interrupt, outside["canary"])
for pid in range(2, 3000):
    if pid != os.getpid():
        attempt("some process", interrupt, pid)
done()
