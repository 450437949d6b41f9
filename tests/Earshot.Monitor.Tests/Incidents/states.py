"""Random states of listeners, one for each line of input; prints "ready" when the state stands still.

Every client that is not let in at once is closed, so that nothing is sent again while somebody looks.
"""
import random
import select
import socket
import sys

random.seed(int(sys.argv[1]))
listeners, clients = [], []

for line in sys.stdin:
    # First, while nothing has happened since the last look: what a listener drops between a look and its end nobody sees.
    if len(listeners) > 4 and random.random() < 0.4:
        listeners.pop(random.randrange(len(listeners))).close()
    for _ in range(random.randrange(1, 5)):
        if len(listeners) < 24:
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            s.listen(random.choice([0, 1, 2, 5, 8, 20]))
            s.setblocking(False)
            listeners.append(s)
    for _ in range(random.randrange(0, 12)):
        s = random.choice(listeners)
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(s.getsockname())
        if select.select([], [c], [], 0)[1]:
            clients.append(c)
        else:
            c.close()
    for _ in range(random.randrange(0, 6)):
        try:
            clients.append(random.choice(listeners).accept()[0])
        except BlockingIOError:
            pass
    if random.random() < 0.2:
        random.choice(listeners).listen(random.choice([0, 3, 9]))
    while len(clients) > 400:
        clients.pop(random.randrange(len(clients))).close()
    print("ready", flush=True)
