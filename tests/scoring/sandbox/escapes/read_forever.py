import sys

while True:
    sys.stdin.buffer.read(1)
