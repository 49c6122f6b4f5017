import os

from world import attempt, done, outside, read, write

os.symlink(outside["secret"], "link")
attempt("reading through a link", read, "link")
if os.getcwd() == "/tmp":
    attempt("writing through a link", write, "link")
os.symlink("/../../../..", "up")
attempt("up and out", read, "up" + outside["secret"])
os.symlink("/proc/1/root" + outside["secret"], "root")
attempt("through the root of process 1", read, "root")
done()
