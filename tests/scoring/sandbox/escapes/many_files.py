number = 0
while True:
    open(f"/tmp/{number}", "wb").close()
    number += 1
    if number == 1_000_000:
        print("ESCAPED", number, "files")
