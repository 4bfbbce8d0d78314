"""Everything has a limit (I6). What the protocol fixes is as in src/base/limits/tunnel.ts."""

FRAME_PAYLOAD_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024
HEAD_FIELDS = 256
SESSION_JSON_BYTES = 512 * 1024
# The body of an answer that is one frame; what is longer is streamed, as far as credit goes.
COMPLETE_BODY_BYTES = 64 * 1024
BODY_FRAME_BYTES = 256 * 1024
MAX_OUTSTANDING_BYTES = 2**31 - 1
ASK_JSON_BYTES = 128 * 1024
ASK_BODY_BYTES = 2 * 1024 * 1024
ASK_FRAME_BYTES = 256 * 1024
# Asks of the platform without an answer, and their bodies together; those that wait for room in there; how long for.
ASKS_UNANSWERED = 32
ASKS_UNANSWERED_BYTES = 8 * 1024 * 1024
ASKS_WAITING = 1024
ASK_TIMEOUT_S = 5
DETAIL_BYTES = 4096
LOG_TEXT_BYTES = 256 * 1024
# A line that has no end yet is sent as it is once it is so long, or once it has waited so long.
PARTIAL_LINE_CHARACTERS = 16 * 1024
READ_BYTES = 256 * 1024

# Threads for functions that block (WSGI, BaseHTTPRequestHandler). Each invocation that waits keeps one, and waiting is
# what instances are shared for: so many more than processors, but no more than a process can bear. What computes is
# bounded by the router, which sees it. Threads are started when they are needed, and then kept.
THREADS = 128
# Where the core says how many it hands over at once (Weir's does), it has so many threads, but no more than this.
MOST_THREADS = 512

WEBSOCKET_MESSAGE_BYTES = 16 * 1024 * 1024
# Messages that the application has not asked for yet: beyond that no credit is given for more. Nor is any given for the
# bytes of those that wait, however few: together they have no more than the window, and a message that is the first.
WEBSOCKET_WAITING_MESSAGES = 32
# As uvicorn has it: an open WebSocket is pinged so often, and who is silent for so long after it is gone.
WEBSOCKET_PING_S = 20
# What is told of the platform's services is as in src/base/limits/services.ts.
CACHE_KEY_BYTES = 512
CACHE_NAME_BYTES = 256
CACHE_TAG_BYTES = 256
CACHE_TAGS = 64
PURGED_AT_ONCE = 128
ASK_TEXTS_BYTES = 16 * 1024
METRIC_BYTES = 32 * 1024
METRIC_NAME_BYTES = 63
METRIC_ATTRIBUTES = 50
METRIC_VALUE_BYTES = 256
METRICS_PER_INVOCATION = 100

# The head that a BaseHTTPRequestHandler writes.
RAW_HEAD_BYTES = HEAD_BYTES

# From http.disconnect (after the invocation's time is up) until its task is cancelled.
TIMEOUT_GRACE_S = 0.25
# The core ends the process 500 ms after SIGTERM (terminateGraceMs): lifespan shutdown has most of that, then all has.
SHUTDOWN_S = 0.35
EXIT_S = 0.45
# SIGTERM follows GOODBYE: so long the handlers that user code has for it are waited for.
SIGTERM_FOLLOWS_S = 0.1
# A turn that took so long is flushed before the next invocation's begins, so that no answer waits for another's work.
FLUSH_AFTER_NS = 500_000
# The head of an answer waits for the first of its body, to leave with it; but not longer, once its task has suspended.
HEAD_WAITS_S = 0.002
# A handler that has answered and not returned for so long is told as background work.
GOING_ON_S = 0.01
