#!/usr/bin/env python3
"""Does nothing wrong that a short run would notice."""

import common

common.Replica().run()
