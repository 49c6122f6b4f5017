"""What is on this machine: the registry, locks, atomic files, downloads, recovery."""
