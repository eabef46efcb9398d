#!/usr/bin/env python3
"""Answers every heartbeat with two more."""

import common


class Storm(common.Replica):
    def receive(self, message):
        super().receive(message)
        if message["type"] in ("heartbeat", "echo"):
            self.send(message["src"], "echo", term=self.term)
            self.send(message["src"], "echo", term=self.term)


Storm().run()
