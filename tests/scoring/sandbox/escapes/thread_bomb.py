import threading
import time

from world import done

made = 0
try:
    while made < 500:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        made += 1
except (RuntimeError, MemoryError):
    pass
if made > 60:
    print("ESCAPED", made, "threads")
done()
