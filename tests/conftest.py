"""What all tests need of their process."""

from __future__ import annotations

import signal

# A shell starts a command in the background with SIGINT ignored, and its children inherit that: the
# tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
