import os

from world import done

written = 0
try:
    with open("/tmp/large", "wb", buffering=0) as file:
        while written < 1 << 30:
            written += file.write(b"x" * (1 << 20))
except OSError:
    pass
if written > 64 << 20 or os.path.getsize("/tmp/large") > 64 << 20:
    print("ESCAPED", written, "bytes in a file")
done()
