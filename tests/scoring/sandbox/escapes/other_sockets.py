import socket

from world import attempt, done

for name, family, kind in (
    ("vsock", 40, 1),
    ("netlink", 16, 3),
    ("packet", 17, 3),
    ("the kernel's cryptography", 38, 5),
    ("raw", 2, 3),
):
    attempt(name, lambda family=family, kind=kind: socket.socket(family, kind).fileno() + 1)
done()
