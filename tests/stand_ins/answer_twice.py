#!/usr/bin/env python3
"""Answers every put twice."""

import common


class Twice(common.Replica):
    def acknowledge(self, put):
        super().acknowledge(put)
        super().acknowledge(put)


Twice().run()
