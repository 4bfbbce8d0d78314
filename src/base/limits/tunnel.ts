/** The tunnel, and what goes through it beside invocations. */
export const tunnelLimits = {
  /** One tunnel frame's payload. Peers cut off whoever announces more. */
  framePayloadBytes: 1024 * 1024,
  /** Request head (target + headers) and response head on the tunnel. */
  headBytes: 64 * 1024,
  /** Header fields in one head. */
  headFields: 256,
  /** What may be in flight towards a receiver of one stream before it must grant more (measured: 256 KiB is best). */
  windowBytes: 256 * 1024,
  /** Largest piece a sender puts in one body frame: a window, so that neither side takes apart what is together. */
  bodyFrameBytes: 256 * 1024,
  /** Body of a complete answer in one frame; what is longer is streamed. */
  chunkBytes: 64 * 1024,
  /** Streams of one tunnel: a slot is 16 bits. */
  streamsPerTunnel: 8192,
  /** JSON of a HELLO, WELCOME, LOAD, LOADED. */
  sessionJsonBytes: 512 * 1024,
  /** From connect to HELLO, and from HELLO to WELCOME. */
  handshakeTimeoutMs: 5_000,
  /** A tunnel that says nothing for so long is pinged; silent for as long again, it is dead. */
  silenceMs: 10_000,
  /** A one-time token that nobody used is forgotten. */
  tokenLifeMs: 60_000,
  /** Connections that have not said HELLO yet. */
  greetingConnections: 1024,
  /** The payload of a HELLO: all that is kept for a peer of whom nothing is known. */
  helloBytes: 16 * 1024,
  /** After GOODBYE a peer gets so long to close; then the connection is cut. */
  lingerMs: 1_000,
  /** Bytes that a connection has taken and the peer has not, above which a writer is asked to wait. */
  connectionHighWaterBytes: 256 * 1024,
  /** Memory that frames are written into; body pieces above the second figure are sent from where they are. */
  slabBytes: 32 * 1024,
  copiedBodyBytes: 4 * 1024,
  /** What is read of a connection at once. */
  readBufferBytes: 256 * 1024,
  /** Text of GOODBYE, DRAIN and FAILED: what is longer is cut. */
  detailBytes: 4 * 1024,

  /** What an instance asks the platform: the JSON of one ask or answer, and its body; a frame carries at most so much of that. */
  askJsonBytes: 128 * 1024,
  askBodyBytes: 2 * 1024 * 1024,
  askFrameBytes: 256 * 1024,
  /** Asks of one instance without an answer, and their bodies together; those that wait for room in there, in the instance. */
  asksUnanswered: 32,
  asksUnansweredBytes: 8 * 1024 * 1024,
  asksWaiting: 1024,
  /** The router answers after so long, if only to say that it took too long; an instance waits so long for an answer. */
  askAnswerMs: 4_000,
  askTimeoutMs: 5_000,
  /** Custom metrics: one emission as JSON; names and keys of attributes; attributes, their values; emissions of one invocation. */
  metricBytes: 32 * 1024,
  metricNameBytes: 63,
  metricAttributes: 50,
  metricValueBytes: 256,
  metricsPerInvocation: 100,
  /** Series (a name with its attributes) of one function that are told apart. */
  metricSeries: 256,

  /** Runtime cache. All of it, and that of one project's environment; what an item takes beside its bytes. */
  runtimeCacheBytes: 256 * 1024 * 1024,
  runtimeCacheScopeBytes: 128 * 1024 * 1024,
  runtimeCacheItemOverheadBytes: 256,
  /** Keys and tags (longer ones are told by their hash), names, what is kept beside an item's bytes; tags of one item or ask;
   * those that an item of getCache() may have. */
  cacheKeyBytes: 512,
  cacheNameBytes: 256,
  cacheNoteBytes: 1024,
  cacheTagBytes: 256,
  cacheTags: 256,
  runtimeCacheTags: 64,
  /** Tags of one project's environment of which it is known when they were expired. */
  cacheTagsKnown: 10_000,
  /** Items that are shown by name. */
  cacheItemsShown: 20,
  /** Tags or source images in one purge, and the length of one. */
  purgedAtOnce: 128,
  purgedBytes: 4 * 1024,
  /** Of texts in one ask, so that they fit into its JSON however they are escaped. */
  askTextsBytes: 16 * 1024,

  /** A log line (text beyond it is cut, and says so). */
  logLineBytes: 256 * 1024,
  /** Log lines buffered in an instance before the tunnel takes them. */
  logBacklogBytes: 4 * 1024 * 1024,
} as const;
