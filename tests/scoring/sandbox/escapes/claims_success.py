import os
import sys

sys.stdout.write("42\n")
sys.stdout.flush()
os._exit(0)
