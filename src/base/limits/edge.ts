/** Clients, static files, routing tables, kept pages and images. */
export const edgeLimits = {
  requestHeadBytes: 32 * 1024,
  requestHeadTimeoutMs: 10_000,
  clientIdleTimeoutMs: 65_000,
  urlBytes: 14 * 1024,
  /** The rehearsal of a platform that has started: how long at most, over how many connections, three requests so often on each. */
  rehearsalMs: 2_000,
  rehearsedConnections: 2,
  rehearsedRequests: 2,
  /** An origin that a rewrite leads to may be silent for so long. */
  externalTimeoutMs: 120_000,
  clientConnections: 50_000,
  /** How often connections are looked over for heads that are late. */
  connectionCheckMs: 1_000,
  /** Response bytes kept for one client before its function is told to wait. */
  clientBufferBytes: 128 * 1024,
  /** A client that takes nothing of what waits for it for so long is cut off. */
  clientStallMs: 60_000,
  /** What an upgraded connection whose time is up, or whose function has ended, gets to end by itself: a close frame there
   * and back. Then it is cut. */
  socketCloseMs: 2_000,
  /** How often a function may occur among the invocations that led to one, and how many those may be (508 beyond). */
  chainRecursions: 16,
  chainDepth: 64,
  /** The header that says so: 64 functions and a signature. */
  chainBytes: 1024,
  /** What is still read of a request body whose answer is complete, and for how long; then the connection is cut. */
  discardedBodyBytes: 16 * 1024 * 1024,
  discardedBodyMs: 10_000,
  /** Host header values whose deployment is remembered. */
  hostMemoEntries: 1024,
  /** For how long a browser keeps its place in a rolling release: longer than one takes. */
  rolloutCookieS: 30 * 24 * 3600,
  /** Static files of one deployment, and how deep its directories are followed. */
  publicFiles: 100_000,
  publicDepth: 64,

  /** A routing table: rules (the hosted platform has 2048 of the user's, builders add theirs), characters of a pattern or
   * destination, and of a path or header value that one expands to. */
  routingRules: 32_768,
  routingPatternChars: 4096,
  routedTextChars: 32 * 1024,
  /** What the routing of one request may try: rewrites followed to see whether they lead somewhere, looks for an output. */
  routingForks: 256,
  routingLookups: 1024,
} as const;
