#!/usr/bin/env python3
"""Sends no heartbeats: only what clients ask for keeps it in office."""

import common


class NoHeartbeats(common.Replica):
    def heartbeat(self):
        # A leader says once that it leads, and never again.
        if getattr(self, "said", 0) != self.term:
            self.said = self.term
            super().heartbeat()


NoHeartbeats().run()
