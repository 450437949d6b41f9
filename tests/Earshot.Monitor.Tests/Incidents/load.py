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


def busy(seconds):
    time.sleep(seconds)
    take()


def free(seconds):
    end = time.time() + seconds
    while time.time() < end:
        take()
        time.sleep(0.002)


print("listening", flush=True)
sys.stdin.readline()
if pattern == "one-burst":
    free(0.3)
    come(60)
    busy(0.4)
elif pattern == "bursts":
    for _ in range(6):
        come(30)
        busy(0.1)
        free(0.3)
elif pattern == "growing":
    for size in range(5, 65, 10):
        come(size)
        busy(0.12)
        free(0.12)
elif pattern == "slow":
    for _ in range(40):
        come(2)
        time.sleep(0.05)
        take(1)
elif pattern == "pause":
    for _ in range(20):
        come(3)
        time.sleep(0.05)
free(4)
print("done", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    take()
