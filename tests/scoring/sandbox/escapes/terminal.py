import fcntl
import os

from world import attempt, done


def type_into(number):
    for letter in b"touch escaped\n":
        fcntl.ioctl(number, 0x5412, bytes([letter]))
    return True


for number in range(3):
    attempt(f"typing into {number}", type_into, number)
    attempt("a terminal", os.ttyname, number)
attempt("typing into the terminal", lambda: type_into(os.open("/dev/tty", os.O_RDWR)))
attempt("a new terminal", os.openpty)
done()
