import os

from world import attempt, done, outside, read, write

attempt("listing it", os.listdir, outside["locoman_home"])
attempt("config.toml", read, outside["locoman_home"] + "/config.toml")
attempt("writing into it", write, outside["locoman_home"] + "/config.toml")
done()
