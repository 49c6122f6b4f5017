import os
import stat

from world import attempt, done, outside


def openat(number):
    return os.read(os.open(outside["secret"].lstrip("/"), os.O_RDONLY, dir_fd=number), 10)


for number in range(3, 1024):
    try:
        kind = os.fstat(number).st_mode
    except OSError:
        continue
    attempt(f"a file by descriptor {number}", openat, number)
    if not stat.S_ISFIFO(kind):
        print("ESCAPED: descriptor", number, "is open:", oct(kind))
done()
