import os

from world import attempt, done, outside


def link(path):
    os.link(path, "/tmp/hard")
    return True


attempt("a second name for a file of the user", link, outside["secret"])
attempt("a second name for a program", link, "/usr/bin/env")
attempt("a second name for it here", lambda: os.link("/usr/bin/env", "/usr/bin/env2") or True)
done()
