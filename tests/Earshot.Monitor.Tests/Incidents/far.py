"""Real clients who are far away: far.py PORT COUNT PER_SECOND DELAY.

They are behind a device of the test's own namespace, 10.97.0.0/16, send a SYN each, and answer the SYN-ACK DELAY seconds
later. Prints "done" when all have answered.
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time

port, count, rate, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
here = socket.inet_aton("10.97.0.1")
device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(device, 0x400454CA, struct.pack("16sH", b"far", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
subprocess.run(["ip", "addr", "add", "10.97.0.1/16", "dev", "far"], check=True)
subprocess.run(["ip", "link", "set", "far", "up"], check=True)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send(client, seq, ack, flags, options=b""):
    source = socket.inet_aton("10.97.%d.%d" % (1 + client // 250, 1 + client % 250))
    tcp = struct.pack("!HHIIBBHHH", 20000 + client, port, seq, ack, (20 + len(options)) << 2, flags, 64240, 0, 0) + options
    pseudo = source + here + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), client, 0, 64, 6, 0, source, here)
    os.write(device, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp)


answers, begun, answered, start = [], 0, set(), time.time()
while len(answered) < count and time.time() < start + 30:
    now = time.time()
    while begun < count and now >= start + begun / rate:
        send(begun, 1000 * begun, 0, 2, struct.pack("!BBH", 2, 4, 1460))
        begun += 1
    while answers and answers[0][0] <= now:
        _, client, seq = answers.pop(0)
        send(client, 1000 * client + 1, seq, 16)
        answered.add(client)
    if not select.select([device], [], [], 0.001)[0]:
        continue
    packet = os.read(device, 2000)
    if packet[0] >> 4 == 4 and packet[9] == 6 and packet[33] == 18:
        client = struct.unpack("!H", packet[22:24])[0] - 20000
        if client not in answered and all(client != other for _, other, _ in answers):
            answers.append((time.time() + delay, client, struct.unpack("!I", packet[24:28])[0] + 1))
print("done", len(answered), flush=True)
time.sleep(60)
