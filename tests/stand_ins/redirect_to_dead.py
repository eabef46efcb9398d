#!/usr/bin/env python3
"""Never notices that its leader is dead, and sends every client there."""

import common


class ToTheDead(common.Replica):
    def tick(self, now):
        self.heard = now
        super().tick(now)


ToTheDead().run()
