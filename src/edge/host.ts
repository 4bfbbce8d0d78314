// Hot path: `HostTable.find` is one Map lookup for a Host that was seen before.
import { isIPv6 } from 'node:net';
import { limits } from '../base/limits.ts';

/** `name`: lower case, no port, no trailing dot; an IPv6 address without its brackets. */
export interface Host {
  readonly name: string;
  readonly port: number | null;
}

const named = /^([a-z0-9_](?:[a-z0-9_.-]{0,253}))(?::(\d{0,5}))?$/i;
const bracketed = /^\[([0-9a-f:.]{2,45})\](?::(\d{0,5}))?$/i;

/** RFC 9110, 7.2 without what nobody needs and somebody abuses: user names, percent-encoding, sub-delimiters. Null: malformed. */
export function parseHost(value: string): Host | null {
  const address = bracketed.exec(value);
  if (address !== null && !isIPv6(address[1]!)) return null;
  const parts = address ?? named.exec(value);
  if (parts === null) return null;
  let name = parts[1]!.toLowerCase();
  if (name.includes('..')) return null;
  if (address === null && name.endsWith('.')) name = name.slice(0, -1);
  // An empty port is none (RFC 3986, 3.2.3).
  if (parts[2] === undefined || parts[2] === '') return { name, port: null };
  const port = Number(parts[2]);
  return port >= 1 && port <= 65_535 ? { name, port } : null;
}

/** Names of this very machine: where the status page is. */
export const isLoopbackName = (name: string): boolean =>
  name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
/** Browsers resolve these to this machine and nowhere else (RFC 6761, 6.3), so no other site can take them over. */
export const isLocalName = (name: string): boolean => isLoopbackName(name) || name.endsWith('.localhost');

/** The same authority, ports that say what the scheme says anyway left out. */
export function sameAuthority(one: string, other: string): boolean {
  const first = parseHost(one);
  const second = parseHost(other);
  if (first === null || second === null) return false;
  return first.name === second.name && (first.port ?? 80) === (second.port ?? 80);
}

export interface HostEntry<Place> {
  readonly host: Host;
  /** Null: no deployment answers for this host. */
  readonly place: Place | null;
}

/** Host header → what it leads to. Built when a snapshot is published; remembers the spellings it has seen, a bounded number. */
export class HostTable<Place> {
  private readonly names: ReadonlyMap<string, Place>;
  private readonly fallback: Place | null;
  private seen = new Map<string, HostEntry<Place>>();

  /** `fallback`: the place of every host that leads nowhere else. */
  constructor(names: ReadonlyMap<string, Place>, fallback: Place | null) {
    this.names = names;
    this.fallback = fallback;
  }

  /** Null: malformed. */
  find(value: string): HostEntry<Place> | null {
    return this.seen.get(value) ?? this.learn(value);
  }

  private learn(value: string): HostEntry<Place> | null {
    const host = parseHost(value);
    if (host === null) return null;
    const entry = { host, place: this.names.get(host.name) ?? this.fallback };
    // Thrown away whole when full: whoever sends many hosts costs a new Map now and then, never a delete per request.
    if (this.seen.size >= limits.hostMemoEntries) this.seen = new Map();
    this.seen.set(value, entry);
    return entry;
  }
}
