/** Who is at the other end: what sockets would know, told from the forwarding headers that the edge has overwritten. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const field = headers[at]!;
    if (field.length === name.length && field.toLowerCase() === name) return headers[at + 1];
  }
  return undefined;
}

/** The client's address: x-real-ip, else the first of x-forwarded-for. Undefined when neither is there. */
export function clientAddress(headers: readonly string[]): string | undefined {
  const real = headerOf(headers, 'x-real-ip');
  if (real !== undefined && real !== '') return real;
  const first = headerOf(headers, 'x-forwarded-for')?.split(',', 1)[0]?.trim();
  return first === '' ? undefined : first;
}

/** Whether the client speaks TLS to the edge. */
export const isEncrypted = (headers: readonly string[]): boolean => headerOf(headers, 'x-forwarded-proto') === 'https';

export const addressFamily = (address: string | undefined): 'IPv4' | 'IPv6' | undefined =>
  address === undefined ? undefined : address.includes(':') ? 'IPv6' : 'IPv4';
