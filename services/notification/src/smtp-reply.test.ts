import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codesOf, judgeReply, type About } from './smtp-reply.ts';

const rcpt = 'RCPT TO';
const replies: readonly [string, string, About][] = [
  // Their mailbox, for good.
  [rcpt, '550 5.1.1 no such user', 'mailbox'],
  [rcpt, '550 5.1.2 no such host', 'mailbox'],
  [rcpt, '501 5.1.3 bad syntax', 'mailbox'],
  [rcpt, '551 5.1.6 moved away', 'mailbox'],
  [rcpt, '556 5.1.10 takes no mail', 'mailbox'],
  [rcpt, '550 5.2.1 disabled', 'mailbox'],
  [rcpt, '552 5.2.2 full', 'mailbox'],
  [rcpt, '550-5.1.1 The account does not exist.\n550 5.1.1 Try another.', 'mailbox'],
  ['DATA', '554 5.1.1 no such mailbox', 'mailbox'],
  // Our sender, our words, our ways, whatever the first three digits say.
  [rcpt, '550 5.7.1 this sender is refused', 'us'],
  [rcpt, '550 5.7.26 not authenticated', 'us'],
  [rcpt, '553 5.1.8 no such sender', 'us'],
  [rcpt, '550 5.1.7 bad sender', 'us'],
  [rcpt, '501 5.5.4 bad arguments', 'us'],
  [rcpt, '552 5.3.4 too big', 'us'],
  [rcpt, '552 5.2.3 longer than allowed', 'us'],
  [rcpt, '550-5.7.1 Blocked.\n550 5.7.1 See https://mail.example/why', 'us'],
  [rcpt, '554 no', 'us'],
  [rcpt, '530 authenticate first', 'us'],
  ['DATA', '554 no', 'us'],
  ['DATA', '550 no', 'us'],
  ['DATA', '554 5.6.0 broken words', 'us'],
  ['DATA', '550 5.7.1 spam', 'us'],
  ['MAIL FROM', '550 5.1.1 nobody here', 'us'],
  ['MAIL FROM', '550 5.7.1 not from you', 'us'],
  ['AUTH PLAIN', '535 5.7.8 wrong password', 'us'],
  ['EHLO', '550 go away', 'us'],
  ['CONN', '554 no service for you', 'us'],
  // No code that tells, or one that means anything.
  [rcpt, '550 no such user', 'perhaps_mailbox'],
  [rcpt, '550', 'perhaps_mailbox'],
  [rcpt, '501 what is that', 'perhaps_mailbox'],
  [rcpt, '550 5.1.0 address rejected', 'perhaps_mailbox'],
  [rcpt, '550 5.4.1 access denied', 'perhaps_mailbox'],
  [rcpt, '550 2.1.5 fine', 'perhaps_mailbox'],
  [rcpt, '550 5.1.1000 what', 'perhaps_mailbox'],
  // It may pass.
  [rcpt, '450 4.2.1 greylisted', 'moment'],
  [rcpt, '452 4.2.2 full', 'moment'],
  [rcpt, '451 5.7.1 later', 'moment'],
  ['CONN', '421 too many of you', 'moment'],
  ['DATA', '', 'moment'],
  ['DATA', 'HTTP/1.1 400 Bad Request', 'moment'],
];
for (const [command, response, about] of replies) {
  test(`${JSON.stringify(response)} to ${command} is about: ${about}`, () => {
    assert.equal(judgeReply({ command, response }), about);
  });
}

test('of an answer only its codes are told where its words might name somebody', () => {
  assert.equal(codesOf('550 5.1.1 no ada@example.com'), '550 5.1.1');
  assert.equal(codesOf('550-5.7.1 no ada@example.com\n550 5.7.1 no'), '550 5.7.1');
  assert.equal(codesOf('550 no ada@example.com'), '550');
  assert.equal(codesOf('ada@example.com'), '');
});
