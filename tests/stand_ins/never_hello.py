#!/usr/bin/env python3
"""Never says hello."""

import common


class NeverHello(common.Replica):
    def hello(self):
        pass


NeverHello().run()
