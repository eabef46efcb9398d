#!/usr/bin/env python3
"""Replica 0001 crashes in the middle of the run, with a traceback."""

import common


class CrashLater(common.Replica):
    def tick(self, now):
        super().tick(now)
        if self.id == "0001" and len(self.store) > 9:
            self.log[17] = "an entry"


CrashLater().run()
