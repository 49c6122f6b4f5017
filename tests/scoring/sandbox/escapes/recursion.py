import sys

sys.setrecursionlimit(10**9)


def deeper(value):
    return [deeper([value])]


deeper(0)
