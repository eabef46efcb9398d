#!/usr/bin/env python3
"""Sends no heartbeats: only what clients ask for keeps it in office."""

import common


class NoHeartbeats(common.Replica):
    def heartbeat(self):
        # It says once that it leads, never again.
        if self.term > 1 and getattr(self, "said", 0) != self.term:
            self.said = self.term
            super().heartbeat()


NoHeartbeats().run()
