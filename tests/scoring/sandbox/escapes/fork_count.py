import os
import time

from world import done

made = 0
try:
    while made < 200:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except OSError:
    pass
if made > 60:
    print("ESCAPED", made, "processes")
done()
