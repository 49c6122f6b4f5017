import os
import time

for _ in range(20):
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 20)) * 150
        time.sleep(60)
time.sleep(60)
