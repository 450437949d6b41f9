"""Runs a command that may open no AF_NETLINK socket, as in a sandbox: without.py COMMAND ARGUMENT...

A filter of system calls (seccomp, x86-64) answers socket(AF_NETLINK, ...) with EPERM and lets all else through.
"""
import ctypes
import os
import struct
import sys

SOCKET, AF_NETLINK, ALLOW, DENY = 41, 16, 0x7FFF0000, 0x00050001
code = b"".join(struct.pack("HBBI", *one) for one in [
    (0x20, 0, 0, 0),           # the number of the call
    (0x15, 0, 3, SOCKET),
    (0x20, 0, 0, 16),          # its first argument
    (0x15, 0, 1, AF_NETLINK),
    (0x06, 0, 0, DENY),
    (0x06, 0, 0, ALLOW),
])
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0):
    sys.exit("no filter: errno %d" % ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
