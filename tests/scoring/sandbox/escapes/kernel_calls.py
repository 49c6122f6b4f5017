import os

from world import attempt, done, raw

calls = {
    "bpf": 321,
    "perf_event_open": 298,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "kexec_load": 246,
    "init_module": 175,
}
calls |= {
    "finit_module": 313,
    "reboot": 169,
    "swapon": 167,
    "syslog": 103,
    "iopl": 172,
    "ioperm": 173,
    "fanotify_init": 300,
}
calls |= {
    "settimeofday": 164,
    "sethostname": 170,
    "acct": 163,
    "quotactl": 179,
    "x32": 0x40000000 + 39,
    "personality": 135,
}
for name, number in calls.items():
    attempt(name, raw, number, 3 if name == "syslog" else 0, 0, 0, 0, 0)
attempt("a higher priority", lambda: os.nice(-5) < 0)
attempt("the clock", lambda: __import__("time").clock_settime(0, 0) is None)
done()
