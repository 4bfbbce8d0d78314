/** Pages and images that are kept. */
export const keptLimits = {
  /** Kept pages and images: what they take on disk and in memory, how many there are, and what one may have. Larger answers
   * are passed on, and not kept. */
  pageStoreBytes: 2 * 1024 * 1024 * 1024,
  /** Their directories that nobody used for so long are removed; and of one name there are so many at once. */
  ownedKeptMs: 30 * 24 * 3_600_000,
  ownedDirectories: 64,
  pageMemoryBytes: 64 * 1024 * 1024,
  pages: 100_000,
  pageBodyBytes: 10 * 1024 * 1024,
  pageHeadBytes: 64 * 1024,
  /** A body up to this length stays in memory. */
  pageHotBytes: 256 * 1024,
  /** Larger ones, and what is being made, may take so much together while clients are being sent it, in pieces of this length;
   * beyond that functions answer at the clients' pace. */
  pageHeldBytes: 64 * 1024 * 1024,
  pagePieceBytes: 64 * 1024,
  /** What waits to be written; what comes while there is so much is not kept. Files that are written at once. */
  pageUnwrittenBytes: 64 * 1024 * 1024,
  pageWrites: 8,
  /** What tells one answer of a page from another: longer ones go to the function. */
  pageKeyBytes: 4 * 1024,
  /** Tags of a page (Next.js makes some of paths, up to this length). One with more of them, or longer ones, is called back
   * by every tag. */
  pageTags: 128,
  pageTagBytes: 1024,
  /** Tags of a project that are remembered as no longer valid; beyond that all that is older than the oldest is stale. */
  pageTagMarks: 20_000,
  /** A call names so many tags at most; and what the journal of them may grow to before it is written anew. */
  pageTagsCalled: 1_000,
  pageJournalBytes: 8 * 1024 * 1024,
  /** Groups of pages of a deployment of which it is remembered when they were made anew. */
  pageGroupMarks: 20_000,
  /** Pages that are made anew at once while the old ones are shown: of all deployments, and of one. */
  pageRefreshes: 64,
  pageRefreshesOfOne: 16,
  /** A page that could not be made anew is tried again after so long; the time doubles up to the second. */
  pageRetryMs: 1_000,
  pageRetryMaxMs: 30_000,
  /** Pages of which it is remembered that they could not be made. */
  pageFailures: 10_000,
  /** What is handed to an invocation of a postponed state at once. */
  postponedPieceBytes: 64 * 1024,

  /** Image optimisation: the longest `url`; images that are worked on at once, that are in memory for it, and that wait
   * (of all deployments, and of one); what one may have in bytes and pixels; how long the work may take, and an origin; how often it may redirect. */
  imageUrlCharacters: 3072,
  imagesAtOnce: 2,
  imageSources: 8,
  imageSourcesOfOne: 4,
  imagesWaiting: 200,
  imagesWaitingOfOne: 100,
  imageBytes: 32 * 1024 * 1024,
  imagePixels: 100_000_000,
  imageWorkS: 10,
  imageFetchMs: 10_000,
  imageRedirects: 3,
  /** An image is fresh for so long at most, whatever its origin says. */
  imageFreshMaxMs: 365 * 24 * 3_600_000,
} as const;
