import glob
import os
import stat

from world import attempt, done, read, write

for path in (
    "/dev/sda",
    "/dev/vda",
    "/dev/nvme0n1",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/kvm",
    "/dev/fuse",
    "/dev/tty",
    "/dev/console",
):
    attempt(path, read, path)
    attempt(path, write, path)
for major, minor in ((8, 0), (254, 0), (1, 1), (5, 0)):
    attempt(
        f"a device {major},{minor}",
        lambda a=major, b=minor: os.mknod("/tmp/device", stat.S_IFBLK | 0o666, os.makedev(a, b)) is None,
    )
attempt(
    "more devices",
    lambda: (
        set(glob.glob("/dev/**", recursive=True))
        - {"/dev/"}
        - {f"/dev/{d}" for d in ("null", "zero", "random", "urandom")}
    ),
)
done()
