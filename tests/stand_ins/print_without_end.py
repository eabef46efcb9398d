#!/usr/bin/env python3
"""Prints what it does, again and again."""

import common


class Loud(common.Replica):
    def tick(self, now):
        super().tick(now)
        for number in range(1500):
            print("step", number, "store", len(self.store), "x" * 100)


Loud().run()
