#!/usr/bin/env python3
"""The smallest replica in another language: it answers every client at once from a dictionary of its own.

It replicates nothing, so it must FAIL. It shows what a program needs to take part: the command line, one socket, and
JSON datagrams with `src`, `dst`, `leader` and `type`.
"""

import json
import socket
import sys

port, own = int(sys.argv[1]), sys.argv[2]  # then the IDs of the others
simulator = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
simulator.connect(("127.0.0.1", port))


def send(to, kind, **more):
    message = {"src": own, "dst": to, "leader": "FFFF", "type": kind, **more}
    simulator.send(json.dumps(message).encode())


send("FFFF", "hello")
store = {}
while True:
    try:
        message = json.loads(simulator.recv(65536))
    except ConnectionRefusedError:
        break  # the run is over
    client, mid = message["src"], message["MID"]
    if message["type"] == "put":
        store[message["key"]] = message["value"]
        send(client, "ok", MID=mid)
    elif message["type"] == "get":
        send(client, "ok", MID=mid, value=store.get(message["key"], ""))
