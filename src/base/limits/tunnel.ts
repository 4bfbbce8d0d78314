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

  /** A log line (text beyond it is cut, and says so). */
  logLineBytes: 256 * 1024,
  /** Log lines buffered in an instance before the tunnel takes them. */
  logBacklogBytes: 4 * 1024 * 1024,
} as const;
