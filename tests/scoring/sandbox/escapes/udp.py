import socket

from world import attempt, done, outside


def send(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"escaped", address)


attempt("udp to the host", send, socket.AF_INET, ("127.0.0.1", outside["udp"]))
attempt("udp, version 6", send, socket.AF_INET6, ("::1", outside["udp"]))
done()
