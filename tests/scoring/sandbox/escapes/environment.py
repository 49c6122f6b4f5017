import os

from world import attempt, done, outside, read

if outside["token"] in str(dict(os.environ)):
    print("ESCAPED the environment", dict(os.environ))
for pid in ("self", "1", str(os.getppid()), str(outside["pid"])):
    attempt(f"the environment of {pid}", read, f"/proc/{pid}/environ")
done()
