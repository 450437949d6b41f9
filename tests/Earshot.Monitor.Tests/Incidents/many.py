"""Many listeners, and connections: many.py LISTENERS CONNECTIONS. 

Prints "ready". For each line of input one more client comes, is accepted and goes, and "done" is printed; ends when the
input ends.
"""
import os
import socket
import sys

listeners = []
for _ in range(int(sys.argv[1])):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(50)
    listeners.append(s)
kept = []
busy = socket.socket()
busy.bind(("127.%d.%d.2" % (1 + os.getpid() // 250 % 250, os.getpid() % 250), 0))
busy.listen(4000)
for _ in range(int(sys.argv[2])):
    c = socket.socket()
    c.connect(busy.getsockname())
    kept.append((c, busy.accept()[0]))
print("ready", flush=True)
for _ in sys.stdin:
    c = socket.socket()
    c.connect(busy.getsockname())
    busy.accept()[0].close()
    c.close()
    print("done", flush=True)
