"""Raw SYNs from forged addresses of the test's own namespace: syn.py PORT COUNT PER_SECOND.

The addresses are of 10.99.0.0/16, which the namespace sends to nowhere, so nobody answers the SYN-ACKs.
"""
import random
import socket
import struct
import sys
import time

port, count, rate = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target = socket.inet_aton("127.0.0.1") if len(sys.argv) < 5 else socket.inet_aton(sys.argv[4])


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


random.seed(7)
start = time.time()
for i in range(count):
    source = socket.inet_aton("10.99.%d.%d" % (i // 250 % 250, 1 + i % 250))
    tcp = struct.pack("!HHIIBBHHHBBH", random.randrange(1024, 65000), port, random.getrandbits(32), 0, 6 << 4, 2, 64240, 0, 0,
                      2, 4, 1460)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), i & 0xFFFF, 0, 64, 6, 0, source, target)
    raw.sendto(ip + tcp, (socket.inet_ntoa(target), 0))
    ahead = start + i / rate - time.time()
    if ahead > 0.005:
        time.sleep(ahead)
