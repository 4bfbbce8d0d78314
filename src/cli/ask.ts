import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { limits } from '../base/limits.ts';
import { printable, printableLines } from '../base/printable.ts';
import { explainHeader } from '../model/explain.ts';

/** What a running platform says about a function. All of it can be shown on a terminal. */
export type Answer =
  | { readonly kind: 'told'; readonly text: string }
  /** The name is none, or none of one function alone. */
  | { readonly kind: 'mistake'; readonly text: string }
  /** Nobody there who could say. */
  | { readonly kind: 'nobody'; readonly text: string; readonly exitCode?: number };

export interface Question {
  /** Where the platform is: `http://HOST:PORT`. */
  readonly url: URL;
  /** Null: which functions there are. */
  readonly name: string | null;
  readonly json: boolean;
  readonly waitMs?: number;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** Asks a running platform on this machine. Never rejects for what is wrong over there. */
export async function ask(question: Question): Promise<Answer> {
  const { name, json, waitMs = limits.explainWaitMs } = question;
  const url = new URL('/_weir/explain', question.url);
  // Names below it are this machine, and not every resolver knows.
  if (url.hostname.endsWith('.localhost')) url.hostname = 'localhost';
  if (name !== null) url.searchParams.set('function', name);
  const late = AbortSignal.timeout(waitMs);
  const signal = question.signal === undefined ? late : AbortSignal.any([late, question.signal]);
  try {
    const accept = json ? 'application/json' : 'text/plain';
    // A connection of its own: none is left behind that keeps the process.
    const asked = request(url, { agent: false, headers: { accept }, signal });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return answerIn(response, await bodyOf(response), question);
  } catch (error) {
    const trouble = late.aborted
      ? `there is no answer within ${waitMs / 1000} s`
      : troubleOf(error as NodeJS.ErrnoException);
    return { kind: 'nobody', text: `${question.url.origin}: ${trouble}` };
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.explainBytes) throw new Error(`the answer has more than ${limits.explainBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function answerIn({ headers, statusCode }: IncomingMessage, body: string, { url, json }: Question): Answer {
  const text = printableLines(body.replace(/\n$/, ''));
  const kind = headers[explainHeader.toLowerCase()];
  if (kind === 'found' || kind === 'idle' || kind === 'list') return { kind: 'told', text };
  if (kind === 'unknown' || kind === 'ambiguous') return { kind: 'mistake', text: json ? errorIn(body) : text };
  const who =
    headers['x-weir-error'] === undefined
      ? `what answers there is no Weir (HTTP ${statusCode}): say where one is by --url`
      : 'this Weir does not explain; it does so to who asks on its own machine, by the name localhost';
  return { kind: 'nobody', text: `${url.origin}: ${who}` };
}

function errorIn(body: string): string {
  try {
    return printable(String((JSON.parse(body) as { error?: unknown }).error));
  } catch {
    return 'there is no such function';
  }
}

function troubleOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there: start it by weir dev or weir start, or say where it is by --url';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'there is no such host: say where a running Weir is by --url';
    case undefined:
    default:
      return code?.startsWith('HPE_') === true
        ? 'what listens there does not speak HTTP: say where a running Weir is by --url'
        : printable(message);
  }
}
