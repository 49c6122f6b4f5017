import os

from world import attempt, call, done, outside, raw

for pid in (os.getppid(), 1, outside["pid"], outside["canary"]):
    attempt(f"tracing {pid}", call, "ptrace", 16, pid, 0, 0)
    attempt(f"seizing {pid}", call, "ptrace", 0x4206, pid, 0, 0)
    attempt(f"the memory of {pid}", raw, 310, pid, 0, 0, 0, 0, 0)
    attempt(f"a descriptor of {pid}", raw, 438, pid, 0, 0)
done()
