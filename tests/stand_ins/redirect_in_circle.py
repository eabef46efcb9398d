#!/usr/bin/env python3
"""Everybody takes the next one for the leader."""

import common


class Circle(common.Replica):
    def __init__(self):
        super().__init__()
        self.leader = self.all[(self.all.index(self.id) + 1) % len(self.all)]

    def tick(self, now):
        pass


Circle().run()
