#!/usr/bin/env python3
"""Acknowledges a put before anybody else has it."""

import common


class Early(common.Replica):
    def put(self, message):
        self.acknowledge(message)
        super().put(message)
        del self.pending[message["MID"]]


Early().run()
