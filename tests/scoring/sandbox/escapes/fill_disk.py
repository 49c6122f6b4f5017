import os

from world import done

written = 0
for number in range(400):
    try:
        with open(f"/tmp/{number}", "wb") as file:
            written += file.write(os.urandom(1 << 20))
    except OSError:
        break
if written > 64 << 20:
    print("ESCAPED", written, "bytes on disk")
done()
