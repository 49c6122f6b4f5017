import mmap
import os
import time

for _ in range(20):
    if os.fork() == 0:
        shared = mmap.mmap(-1, 200 << 20)
        for place in range(0, 200 << 20, 4096):
            shared[place] = 1
        time.sleep(60)
time.sleep(60)
