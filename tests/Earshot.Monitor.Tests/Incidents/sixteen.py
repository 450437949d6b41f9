"""Sixteen listeners in a row of ports: sixteen.py FIRST QUEUED RATE.

Each has QUEUED connections that nobody accepts; RATE clients a second come to one after the other, are accepted and go.
"""
import socket
import sys
import time

first, queued, rate = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
listeners, waiting = [], []
for port in range(first, first + 16):
    s = socket.socket()
    s.bind(("127.0.0.1", port))
    s.listen(50)
    listeners.append(s)
    for _ in range(queued):
        c = socket.socket()
        c.connect(("127.0.0.1", port))
        waiting.append(c)
i = 0
while rate:
    c = socket.socket()
    c.connect(listeners[i % 16].getsockname())
    listeners[i % 16].accept()[0].close()
    c.close()
    i += 1
    time.sleep(1 / rate)
time.sleep(600)
