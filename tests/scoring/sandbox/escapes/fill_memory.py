from world import done

held = []
try:
    while len(held) < 4096:
        held.append(bytearray(1 << 20))
    print("ESCAPED", len(held), "MiB")
except MemoryError:
    held.clear()
done()
