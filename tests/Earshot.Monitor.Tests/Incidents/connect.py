"""Clients: connect.py WHERE COUNT SECONDS [HOW].

Opens COUNT connections to port or path WHERE without waiting for any, keeps them SECONDS and ends. HOW:
  steady   fifty a second
  talk     each sends a line at once
  churn    one after the other, each closed at once, COUNT a second
"""
import socket
import sys
import time

where, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
how = sys.argv[4] if len(sys.argv) > 4 else ""


def start():
    if where.isdigit():
        client, target = socket.socket(), ("127.0.0.1", int(where))
    else:
        client, target = socket.socket(socket.AF_UNIX), where
    client.setblocking(how == "churn")
    if how == "churn":
        client.settimeout(5)
    try:
        client.connect(target)
    except OSError:
        pass
    return client


end = time.time() + seconds
if how == "churn":
    while time.time() < end:
        client = start()
        try:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            client.recv(1)
        except OSError:
            pass
        client.close()
        time.sleep(1 / count)
else:
    clients = []
    for _ in range(count):
        clients.append(start())
        if how == "steady":
            time.sleep(0.02)
    if how == "talk":
        time.sleep(0.2)
        for client in clients:
            try:
                client.send(b"GET / HTTP/1.0\r\n\r\n")
            except OSError:
                pass
    time.sleep(max(0, end - time.time()))
