// Pure: addresses that a deployment may not have the edge ask: they are inside somebody's network, often our own.
import { BlockList, isIP } from 'node:net';

/** IANA's registry of special-purpose IPv4 addresses, and multicast. */
const inside4 = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  inside4.addSubnet(network, bits, 'ipv4');

/** Of IPv6 only 2000::/3 is given out; in it these have other addresses inside them, or are for documents. */
const outside6 = new BlockList();
outside6.addSubnet('2000::', 3, 'ipv6');
const inside6 = new BlockList();
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  inside6.addSubnet(network, bits, 'ipv6');

/** `address`: as a resolver gives it. What is no address counts as private. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  if (isIP(plain) === 4) return inside4.check(plain, 'ipv4');
  if (isIP(plain) !== 6) return true;
  return !outside6.check(plain, 'ipv6') || inside6.check(plain, 'ipv6');
}
