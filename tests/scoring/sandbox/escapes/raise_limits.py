import resource

from world import attempt, done, raw

for name in (
    "RLIMIT_AS",
    "RLIMIT_CPU",
    "RLIMIT_NPROC",
    "RLIMIT_FSIZE",
    "RLIMIT_NOFILE",
    "RLIMIT_CORE",
    "RLIMIT_MEMLOCK",
):
    number = getattr(resource, name)
    hard = resource.getrlimit(number)[1]
    attempt(
        f"no {name}",
        lambda number=number: resource.setrlimit(number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)) is None,
    )
    attempt(f"more {name}", lambda number=number, hard=hard: resource.setrlimit(number, (hard, hard + 1)) is None)
    if hard == resource.RLIM_INFINITY:
        print("ESCAPED", name, "was never set")
attempt("the priority of real time", raw, 144, 0, 1, b"\1\0\0\0")
done()
