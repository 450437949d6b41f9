"""A server and its clients in one thread, so that their order is certain: load.py PORT BACKLOG PATTERN.

Waits for a line of input, runs the pattern, prints "done" and waits for the input's end.
"""
import select
import socket
import sys
import time

port, backlog, pattern = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(backlog)
listener.setblocking(False)
kept = []


def come(count):
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        kept.append(client)


def take(most=10**9):
    while most > 0:
        try:
            kept.append(listener.accept()[0])
        except BlockingIOError:
            return
        most -= 1


def until(moment):
    """Rests until so many seconds after the beginning, so that what was late before makes nothing later."""
    time.sleep(max(0, begin + moment - time.monotonic()))


def busy(moment):
    until(moment)
    take()


def free(moment):
    while time.monotonic() < begin + moment:
        take()
        time.sleep(0.002)


print("listening", flush=True)
sys.stdin.readline()
begin = time.monotonic()
if pattern == "one-burst":
    free(0.3)
    come(60)
    busy(0.7)
elif pattern == "bursts":
    for i in range(6):
        come(30)
        busy(i * 0.4 + 0.1)
        free(i * 0.4 + 0.4)
elif pattern == "growing":
    for i, size in enumerate(range(5, 65, 10)):
        come(size)
        busy(i * 0.24 + 0.12)
        free(i * 0.24 + 0.24)
elif pattern == "slow":
    # Two come, one is taken half a period later: which was first is seen by whoever looks every few milliseconds.
    for i in range(50):
        until(i * 0.06)
        come(2)
        until(i * 0.06 + 0.03)
        take(1)
elif pattern == "pause":
    for i in range(20):
        until(i * 0.05)
        come(3)
    until(1)
last = time.monotonic() - begin
free(last + 4)
print("done", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    take()
