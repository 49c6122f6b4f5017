import os

from world import done, outside

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for stream in (0, 1, 2):
            os.close(stream)
        os.execv("/usr/bin/sleep", [outside["token"], "300"])
    os._exit(0)
done()
