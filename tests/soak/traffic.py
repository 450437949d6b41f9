#!/usr/bin/env python3
"""The soak's traffic: an origin that serves, and workers that ask it and check what they get by SHA-256.

    traffic.py origin ADDRESS PORT
    traffic.py work UNTIL LABEL,HOST,PORT,KIND+KIND ...    UNTIL: seconds since the epoch; JSON at the end

The protocol is one line, then bytes: "get N" is answered with N random bytes and their SHA-256; "put N" and N bytes
with their SHA-256; "echo" with whatever comes; "half" with the SHA-256 of all bytes up to the end of the data.
"""
import hashlib
import json
import os
import random
import socket
import socketserver
import struct
import sys
import threading
import time

BLOCK = 1 << 16
RATE = 60_000  # bytes a second of each bulk worker in the long run: it rests after each transfer
PATIENCE = 300  # seconds after which a transfer counts as stuck


class Origin(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Origin6(Origin):
    address_family = socket.AF_INET6


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        words = self.rfile.readline().split()
        if not words:
            return
        if words[0] == b"get":
            left, digest = int(words[1]), hashlib.sha256()
            while left > 0:
                block = os.urandom(min(BLOCK, left))
                digest.update(block)
                self.connection.sendall(block)
                left -= len(block)
            self.connection.sendall(digest.hexdigest().encode())
        elif words[0] == b"put":
            left, digest = int(words[1]), hashlib.sha256()
            while left > 0:
                block = self.rfile.read(min(BLOCK, left))
                if not block:
                    return
                digest.update(block)
                left -= len(block)
            self.connection.sendall(digest.hexdigest().encode())
        elif words[0] == b"half":
            digest = hashlib.sha256()
            while block := self.rfile.read1(BLOCK):
                digest.update(block)
            self.connection.sendall(digest.hexdigest().encode())
        elif words[0] == b"echo":
            while block := self.rfile.read1(BLOCK):
                self.connection.sendall(block)


class Worker:
    def __init__(self, until, label, host, port):
        self.until, self.label, self.address = until, label, (host, port)
        self.done = {"label": label, "transfers": 0, "bytes": 0, "problems": []}

    def connect(self, command, **options):
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        link = socket.socket(family, socket.SOCK_STREAM)
        link.settimeout(PATIENCE)
        if "rcvbuf" in options:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["rcvbuf"])
        if options.get("keepalive"):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
        link.connect(self.address)
        link.sendall(command.encode() + b"\n")
        return link

    @staticmethod
    def exactly(link, count):
        data = bytearray()
        while len(data) < count:
            block = link.recv(count - len(data))
            if not block:
                raise EOFError(f"the end after {len(data)} of {count} bytes")
            data += block
        return bytes(data)

    def rest(self, began, count):
        time.sleep(max(0.0, min(count / RATE - (time.time() - began), self.until - time.time())))

    def get(self):
        count = random.randrange(1, 6_000_000)
        with self.connect(f"get {count}") as link:
            self.take(link, count)
        return count

    def take(self, link, count, pause=0.0, most=BLOCK):
        left, digest = count, hashlib.sha256()
        while left > 0:
            block = link.recv(min(most, left))
            if not block:
                raise EOFError(f"the end {left} bytes too soon")
            digest.update(block)
            left -= len(block)
            if pause:
                time.sleep(pause)
        if self.exactly(link, 64).decode() != digest.hexdigest():
            raise ValueError("SHA-256 differs")

    def put(self):
        count = random.randrange(1, 6_000_000)
        with self.connect(f"put {count}") as link:
            self.give(link, count)
        return count

    def half(self):
        count = random.randrange(1, 1_000_000)
        with self.connect("half") as link:
            self.give(link, count, ends=True)
            if link.recv(1):
                raise ValueError("bytes after the answer")
        return count

    def give(self, link, count, ends=False):
        left, digest = count, hashlib.sha256()
        while left > 0:
            block = os.urandom(min(BLOCK, left))
            digest.update(block)
            link.sendall(block)
            left -= len(block)
        if ends:
            link.shutdown(socket.SHUT_WR)
        if self.exactly(link, 64).decode() != digest.hexdigest():
            raise ValueError("SHA-256 differs")

    def slow(self):
        # A window that closes again and again: about 25 KB a second.
        count = random.randrange(100_000, 1_500_000)
        with self.connect(f"get {count}", rcvbuf=8192) as link:
            self.take(link, count, pause=0.08, most=2048)
        return count

    def chat(self):
        # Small writes and answers, as a terminal has them.
        total = 0
        with self.connect("echo") as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(60):
                if time.time() > self.until:
                    break
                word = os.urandom(random.randrange(1, 3000))
                link.sendall(word)
                if self.exactly(link, len(word)) != word:
                    raise ValueError("the echo differs")
                total += len(word)
                time.sleep(random.uniform(0.01, 0.5))
        return total

    def idle(self):
        # Nothing for minutes but keepalive probes of both sides; then it has to work still.
        with self.connect("echo", keepalive=True) as link:
            pause = min(random.uniform(60, 600), max(1.0, self.until - time.time()))
            time.sleep(pause)
            link.sendall(b"still there?")
            self.exactly(link, 12)
        return 12

    def cut(self):
        # A reset in the middle of a transfer, and a close with bytes unread.
        with self.connect("get 3000000") as link:
            self.exactly(link, random.randrange(1, 300_000))
            if random.random() < 0.5:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return 300_000

    def work(self, kind):
        while time.time() < self.until:
            began = time.time()
            try:
                count = getattr(self, kind)()
                self.done["transfers"] += 1
                self.done["bytes"] += count
            except (OSError, EOFError, ValueError) as problem:
                self.done["problems"].append(
                    f"{time.strftime('%H:%M:%S')} {self.label} {kind}: {type(problem).__name__}: {problem} after "
                    f"{time.time() - began:.1f} s")
                count = 100_000
            self.rest(began, count if kind != "chat" else 0)


def main():
    if sys.argv[1] == "origin":
        kind = Origin6 if ":" in sys.argv[2] else Origin
        kind((sys.argv[2], int(sys.argv[3])), Handler).serve_forever()
    until, targets = float(sys.argv[2]), sys.argv[3:]
    workers, threads = [], []
    for target in targets:
        label, host, port, kinds = target.split(",")
        for kind in kinds.split("+"):
            workers.append(Worker(until, label, host, int(port)))
            threads.append(threading.Thread(target=workers[-1].work, args=(kind,)))
            workers[-1].done["kind"] = kind
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([worker.done for worker in workers]))


if __name__ == "__main__":
    main()
