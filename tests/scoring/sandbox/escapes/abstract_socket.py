import socket

from world import attempt, done, outside


def connect(address):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(1)
        caller.connect(address)
        return True


attempt("a socket without a folder", connect, "\0" + outside["abstract"])
done()
