#!/usr/bin/env python3
"""Replica 0002 says hello when the clients have long asked."""

import time

import common


class LateHello(common.Replica):
    def hello(self):
        if self.id == "0002":
            time.sleep(8)
        super().hello()


LateHello().run()
