/** What functions may ask of the platform. */
export const serviceLimits = {
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
  /** Tags that user code adds to one answer: they leave in its head. */
  addedTags: 128,
  addedTagsBytes: 8 * 1024,
  /** Tags or source images in one purge, and the length of one. */
  purgedAtOnce: 128,
  purgedBytes: 4 * 1024,
  /** Of texts in one ask, so that they fit into its JSON however they are escaped. */
  askTextsBytes: 16 * 1024,
} as const;
