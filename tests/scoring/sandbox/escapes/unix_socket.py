import socket

from world import attempt, done, outside


def connect(address):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(1)
        caller.connect(address)
        return True


attempt("a socket in a folder", connect, outside["unix"])
attempt("the Docker daemon", connect, "/var/run/docker.sock")
done()
