from world import attempt, done, raw

for keyring in (-1, -2, -3, -4, -5):
    attempt(f"the keyring {keyring}", raw, 250, 0, keyring, 0)
    attempt(f"a key in {keyring}", raw, 248, b"user", b"escaped", b"x", 1, keyring)
attempt("asking for a key", raw, 249, b"user", b"anything", None, -3)
done()
