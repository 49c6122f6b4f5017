import os

from world import attempt, done, outside, read

attempt("a file of the user", read, outside["secret"])
attempt("its folder", os.listdir, os.path.dirname(outside["secret"]))
for folder in ("/home", "/root/.ssh", "/var", "/srv", "/mnt", "/run", "/work", "/boot", "/opt"):
    attempt(folder, os.listdir, folder)
for name in outside["home_files"]:
    attempt(f"{name} in the user's home", os.stat, os.path.join(outside["home"], name))
done()
