"""Tests of the runtime. They find it beside themselves, wherever they are started."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
