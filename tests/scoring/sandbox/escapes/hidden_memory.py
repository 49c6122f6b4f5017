from world import attempt, call, done, raw

attempt("memory without a process (shmget)", call, "shmget", 0, 1 << 28, 0o1777)
attempt("memory without a process (memfd_create)", call, "memfd_create", b"hidden", 0)
attempt("memory without a process (memfd_secret)", raw, 447, 0)
attempt("message queues", call, "msgget", 0, 0o1777)
attempt("semaphores", call, "semget", 0, 1000, 0o1777)
done()
