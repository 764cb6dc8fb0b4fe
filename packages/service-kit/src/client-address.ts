import { BlockList, isIP } from 'node:net';

/** Says whether an IP address is in a list of addresses and CIDR ranges. An IPv4 address written as IPv6 is that IPv4 address. */
export type AddressRanges = (address: string) => boolean;

/** Reads addresses such as `10.0.0.1` and ranges such as `10.0.0.0/8` or `fe80::/10`; throws on anything else. */
export function addressRanges(texts: readonly string[]): AddressRanges {
  const list = new BlockList();
  for (const text of texts) {
    if (!isAddressOrRange(text)) throw new RangeError(`${text} is no IP address and no CIDR range`);
    const [address = '', bits] = text.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

/** `10.0.0.1` or `10.0.0.0/8`, and the like of IPv6. A range of everything is none: whoever calls could then call himself anybody. */
export function isAddressOrRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/**
 * The address of who really calls: the peer, or as far as proxies are trusted, the one that the last of them names in X-Forwarded-For. A proxy
 * that names no address, such as `unknown` (RFC 7239), stands for its caller itself: made-up names must not be callers of their own.
 */
export function clientAddress(
  { peer, forwardedFor = '' }: { peer: string; forwardedFor?: string | undefined },
  isTrusted: AddressRanges,
): string {
  let caller = addressIn(peer) ?? peer;
  const named = forwardedFor === '' ? [] : forwardedFor.split(',');
  while (isTrusted(caller)) {
    const before = addressIn(named.pop()?.trim() ?? '');
    if (before === null) break;
    caller = before;
  }
  return caller;
}

/** The address in `10.0.0.1:4711`, `[2001:db8::1]:4711`, `[2001:db8::1]` or a bare one, without an IPv6 zone; null when there is none. */
function addressIn(text: string): string | null {
  const { v4, v6 } = withPort.exec(text)?.groups ?? {};
  const address = (v4 ?? v6 ?? text).replace(/%.*$/s, '');
  return isIP(address) === 0 ? null : address;
}

const withPort = /^(?:(?<v4>[\d.]{7,15}):\d{1,5}|\[(?<v6>[^\]]{2,60})\](?::\d{1,5})?)$/;

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
