#!/usr/bin/env python3
"""Crashes before its hello, with a traceback."""

import common


class Crash(common.Replica):
    def hello(self):
        self.said = self.greeting + "hello"


Crash().run()
