import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressRanges, clientAddress, isAddressOrRange } from './client-address.ts';

const isTrusted = addressRanges(['10.0.0.0/8', '2001:db8:aaaa::1', 'fe80::/10']);
const callerOf = (peer: string, forwardedFor?: string) => clientAddress({ peer, forwardedFor }, isTrusted);

for (const [what, forwardedFor, caller] of [
  ['an address', '203.0.113.9', '203.0.113.9'],
  ['an address with its port', '203.0.113.9:4711', '203.0.113.9'],
  ['an IPv6 address', '2001:db8::9', '2001:db8::9'],
  ['an IPv6 address in brackets', '[2001:db8::9]', '2001:db8::9'],
  ['an IPv6 address with its port', '[2001:db8::9]:4711', '2001:db8::9'],
  ['an IPv6 address with its zone', '2001:db8::9%eth0', '2001:db8::9'],
  ['a list that the caller began', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
  ['a list without spaces', '198.51.100.1,203.0.113.9:80', '203.0.113.9'],
  ['another proxy', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['another proxy with its port', '203.0.113.9:1, 10.0.0.2:4711', '203.0.113.9'],
  ['another proxy as IPv6', '203.0.113.9, ::ffff:10.0.0.2', '203.0.113.9'],
  ['proxies only', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
] as const)
  test(`a trusted proxy that names ${what} is believed`, () => {
    assert.equal(callerOf('10.0.0.1', forwardedFor), caller);
    assert.equal(callerOf('::ffff:10.0.0.1', forwardedFor), caller);
    assert.equal(callerOf('192.0.2.1', forwardedFor), '192.0.2.1');
  });

for (const [what, forwardedFor, caller] of [
  ['nothing', undefined, '10.0.0.1'],
  ['an empty text', '', '10.0.0.1'],
  ['an empty place', '203.0.113.9, ', '10.0.0.1'],
  ['unknown', '203.0.113.9, unknown', '10.0.0.1'],
  ['an obfuscated name', '203.0.113.9, _SEVKISEK', '10.0.0.1'],
  ['a name', 'customer.example', '10.0.0.1'],
  ['an address with more than a port', '203.0.113.9:4711:1', '10.0.0.1'],
  ['an address with a long port', '203.0.113.9:471100', '10.0.0.1'],
  ['an address of three parts', '203.0.113', '10.0.0.1'],
  ['an octal address', '203.0.113.010', '10.0.0.1'],
  ['a number', '3405803785', '10.0.0.1'],
  ['an open bracket', '[2001:db8::9', '10.0.0.1'],
  ['brackets around nothing', '[]:80', '10.0.0.1'],
  ['a range', '203.0.113.0/24', '10.0.0.1'],
  ['control characters', '203.0.113.9\0', '10.0.0.1'],
  ['behind another proxy, a random text', 'x81', '10.0.0.1'],
  ['through another proxy, a random text', 'x81, 10.0.0.2', '10.0.0.2'],
] as const)
  test(`a trusted proxy that names ${what} is itself the caller`, () => {
    assert.equal(callerOf('10.0.0.1', forwardedFor), caller);
  });

test('without trusted proxies the peer is the caller, whatever it says', () => {
  const nobody = addressRanges([]);
  for (const forwardedFor of ['203.0.113.9', '', 'unknown'])
    assert.equal(clientAddress({ peer: '10.0.0.1', forwardedFor }, nobody), '10.0.0.1');
});

test('a very long list costs nothing', () => {
  assert.equal(callerOf('10.0.0.1', '10.0.0.2,'.repeat(8_000)), '10.0.0.1');
  assert.equal(callerOf('10.0.0.1', `203.0.113.9,${Array(8_000).fill('10.0.0.2').join()}`), '203.0.113.9');
});

test('a range is an address with its bits, and never everything', () => {
  const good = ['10.0.0.1', '10.0.0.0/8', '::1', 'fe80::/10', '2001:db8::/128'];
  const bad = [
    '',
    '10',
    '10.0.0.0/',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/08',
    'x',
  ];
  assert.deepEqual([...good, ...bad].filter(isAddressOrRange), good);
  for (const text of bad) assert.throws(() => addressRanges([text]), RangeError);
});
