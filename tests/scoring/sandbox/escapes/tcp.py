import socket

from world import attempt, done, outside

attempt("tcp to the host", lambda: socket.create_connection(("127.0.0.1", outside["tcp"]), timeout=1))
attempt("tcp to the network", lambda: socket.create_connection(("10.255.255.1", 53), timeout=1))
done()
