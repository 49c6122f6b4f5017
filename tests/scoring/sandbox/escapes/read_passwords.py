from world import attempt, done, read

for path in (
    "/etc/shadow",
    "/etc/passwd",
    "/etc/hostname",
    "/etc/ssh/ssh_host_rsa_key",
    "/run/secrets",
    "/var/log/syslog",
):
    attempt(path, read, path)
done()
