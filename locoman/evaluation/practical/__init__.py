"""How it is to use a base on this machine: waiting, speed, memory, and whether it says the same thing twice."""
