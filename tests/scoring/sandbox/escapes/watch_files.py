from world import call, done, libc

made = 0
while made < 5000 and call("inotify_init"):
    made += 1
if made > 1000:
    print("ESCAPED", made, "watches")
queues = 0
while queues < 5000 and libc.epoll_create(1) >= 0:
    queues += 1
if queues > 1000:
    print("ESCAPED", queues, "queues")
done()
