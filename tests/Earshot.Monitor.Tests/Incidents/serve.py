"""A server of one listener that can be told to misbehave: serve.py HOW WHERE BACKLOG [SECONDS].

WHERE is a port, or a path of a unix socket. HOW:
  never    listens and never accepts
  slow     accepts, and rests SECONDS after each
  work     accepts, and works so many SECONDS of processor time for each
  echo     accepts at once and keeps the connections
  defer    as echo, under TCP_DEFER_ACCEPT
  reuse    as echo, under SO_REUSEPORT
  quits    listens under SO_REUSEPORT, never accepts, closes at SIGUSR1 and stays
  mptcp    listens with Multipath TCP and never accepts
  full     accepts at once with room for no more than SECONDS descriptors
"""
import os
import resource
import signal
import socket
import sys
import time

how, where, backlog = sys.argv[1], sys.argv[2], int(sys.argv[3])
extra = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0

if where.isdigit():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262 if how == "mptcp" else 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if how in ("reuse", "quits"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if how == "defer":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    listener.bind(("0.0.0.0", int(where)))
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
listener.listen(backlog)

if how in ("never", "mptcp"):
    time.sleep(600)
elif how == "quits":
    signal.signal(signal.SIGUSR1, lambda *_: listener.close())
    while True:
        time.sleep(600)

if how == "full":
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(extra), int(extra)))

kept = []
while True:
    try:
        kept.append(listener.accept()[0])
    except OSError:
        # As servers do that run out of descriptors: wait and try again.
        time.sleep(0.1)
        continue
    if how == "slow":
        time.sleep(extra)
    if how == "work":
        end = time.process_time() + extra
        while time.process_time() < end:
            pass
