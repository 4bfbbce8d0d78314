import type { Answer, Call, RouteName, routes } from '../../api/routes.ts';
import type { Role } from '../../api/fields.ts';

/** Who calls: the token was looked up, and its role suffices. Of paths that ask for none, null. */
export interface Caller {
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  /** The client's, as its socket has it. */
  readonly address: string;
}

/** A call whose parameters, query and body are as the table of routes has them. */
export interface Request<N extends RouteName> extends Call<N> {
  readonly caller: Caller | null;
  /** Fires when the client is gone, or the control closes. */
  readonly signal: AbortSignal;
  /** Request headers, by lower-case name. */
  header(name: string): string | undefined;
  /** Of a body that is `bytes`: as it comes. */
  readonly bytes: AsyncIterable<Uint8Array> | null;
}

/** One server-sent event; `data` is written as JSON. */
export interface ServerEvent {
  readonly event: string;
  /** The client gives it back as Last-Event-ID when it connects again. */
  readonly id?: string;
  readonly data: unknown;
}

/** Beside an answer: headers. Of a HEAD and of text. */
export interface Headed<T> {
  readonly answer: T;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Answers one route. Refusals are thrown as ApiError; anything else that is thrown is a mistake of ours: it is logged, and
 * the client is told INTERNAL_ERROR. What is answered is checked against the table in tests.
 */
type Handler<N extends RouteName> = (request: Request<N>) => Answered<N> | Promise<Answered<N>>;

/** Who answers with nothing need not say so. */
type Answered<N extends RouteName> = Headed<Answer<N>> | (Answer<N> extends undefined ? void : Answer<N>);

/** Of a route with `events`: the stream ends when it does, or when the signal fires. */
type EventHandler<N extends RouteName> = (request: Request<N>) => AsyncIterable<ServerEvent>;

/** Those that the table of routes says have events. */
type EventRoute = { [N in RouteName]: (typeof routes)[N] extends { readonly events: unknown } ? N : never }[RouteName];

export type Handlers = {
  readonly [N in RouteName]: N extends EventRoute ? EventHandler<N> : Handler<N>;
};

/** What one part of the control answers. */
export type HandlersOf<N extends RouteName> = Pick<Handlers, N>;
