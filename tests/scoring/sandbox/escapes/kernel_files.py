import os

from world import attempt, done, read, write

for path in (
    "/sys/kernel/mm/ksm/run",
    "/sys/power/state",
    "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger",
    "/proc/sys/vm/drop_caches",
):
    attempt(path, write, path)
for path in (
    "/proc/kcore",
    "/proc/kallsyms",
    "/proc/keys",
    "/proc/net/tcp",
    "/sys/class/net/eth0/address",
    "/sys/class/dmi/id/product_uuid",
):
    attempt(path, read, path)
attempt("control groups", os.listdir, "/sys/fs/cgroup")
done()
