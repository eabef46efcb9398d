"""A replica that does most things right, for stand-ins that do one thing wrong.

The replica with the lowest ID leads first. A leader sends heartbeats; whoever hears none for a while leads
the next term. A put is acknowledged when more than half of all have it. There is no log and no vote: it is
just enough to pass a short run, and by far not enough to be right.
"""

import json
import select
import socket
import sys
import time

HEARTBEAT = 0.1
# How long the others are given to start before the first message.
START = 4.5
# How long a leader may be silent; the next in line waits the shortest.
SILENCE = 0.5


class Replica:
    """A replica; the stand-ins override what they do wrong."""

    def __init__(self):
        self.port, self.id, self.others = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
        self.all = sorted([self.id] + self.others)
        self.leader, self.term = self.all[0], 1
        self.store, self.pending = {}, {}
        self.began = self.heard = self.beat = time.monotonic()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("localhost", 0))

    def send(self, dst, kind, **keys):
        """Sends a message."""
        message = {"src": self.id, "dst": dst, "leader": self.leader, "type": kind, **keys}
        self.socket.sendto(json.dumps(message).encode(), ("localhost", self.port))

    def hello(self):
        """Says that it is there."""
        self.socket.sendto(json.dumps({"src": self.id, "dst": "FFFF", "leader": "FFFF", "type": "hello"}).encode(),
                           ("localhost", self.port))

    def leads(self):
        """Whether it takes itself for the leader."""
        return self.leader == self.id

    def run(self):
        """Lives until it is killed."""
        self.hello()
        while True:
            if select.select([self.socket], [], [], 0.02)[0]:
                self.receive(json.loads(self.socket.recv(65535)))
            self.tick(time.monotonic())

    def tick(self, now):
        """Does what is due."""
        if now < self.began + START:
            self.heard = now
        elif self.leads():
            if now >= self.beat + HEARTBEAT:
                self.beat = now
                self.heartbeat()
        elif now > self.heard + SILENCE + 0.1 * self.all.index(self.id):
            self.leader, self.term, self.heard = self.id, self.term + 1, now
            self.heartbeat()

    def heartbeat(self):
        """Tells everybody who leads."""
        self.send("FFFF", "heartbeat", term=self.term)

    def receive(self, message):
        """Takes a message in."""
        kind = message["type"]
        if kind in ("get", "put"):
            return self.request(message)
        if message.get("term", 0) < self.term:
            return None
        if kind in ("heartbeat", "append"):
            self.term, self.leader, self.heard = message["term"], message["src"], time.monotonic()
        if kind == "append":
            self.store[message["key"]] = message["value"]
            self.send(message["src"], "appended", MID=message["MID"], term=self.term)
        elif kind == "appended" and message["MID"] in self.pending:
            put, have = self.pending[message["MID"]]
            have.add(message["src"])
            if len(have) > len(self.all) // 2:
                del self.pending[message["MID"]]
                self.acknowledge(put)
        return None

    def request(self, message):
        """Serves a client."""
        if not self.leads():
            self.redirect(message)
        elif message["type"] == "get":
            self.send(message["src"], "ok", MID=message["MID"], value=self.store.get(message["key"], ""))
        else:
            self.put(message)

    def redirect(self, message):
        """Sends a client to the leader."""
        self.send(message["src"], "redirect", MID=message["MID"])

    def put(self, message):
        """Stores a value and lets the others store it."""
        self.pending[message["MID"]] = (message, {self.id})
        self.send("FFFF", "append", MID=message["MID"], key=message["key"], value=message["value"], term=self.term)

    def acknowledge(self, put):
        """Tells a client that its put is done."""
        self.store[put["key"]] = put["value"]
        self.send(put["src"], "ok", MID=put["MID"])
