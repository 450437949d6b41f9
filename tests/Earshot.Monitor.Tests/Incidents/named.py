"""A listener whose process gave itself a name, which may be hostile: named.py NAME ADDRESS PORT BACKLOG.

NAME is in hexadecimal digits. An abstract unix socket of a hostile name listens beside it.
"""
import socket
import sys
import time

with open("/proc/self/comm", "wb") as comm:
    comm.write(bytes.fromhex(sys.argv[1]))
unix = socket.socket(socket.AF_UNIX)
unix.bind("\0\x1b[2J\nevil\"}\n<script>")
unix.listen(3)
tcp = socket.socket()
tcp.bind((sys.argv[2], int(sys.argv[3])))
tcp.listen(int(sys.argv[4]))
time.sleep(600)
