import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import type { Mail } from './mail.ts';
import { startMailServer } from './mail-server-fixture.ts';
import { createMailer, MailBlocked, MailNotTaken, MailRefused, type Mailer } from './smtp.ts';

const mail: Mail = {
  messageId: '01900000-0000-7000-8000-000000000001.confirmed@sagamart.example',
  to: 'ada@example.com',
  subject: 'Your order is confirmed',
  text: 'Thank you: 2 × mug, €29.80',
  html: '<p>Thank you: 2 × mug, €29.80</p>',
};

function openMailer(t: TestContext, url: string, options: { sendTimeoutMs?: number } = {}): Mailer {
  const mailer = createMailer({ url, from: 'Sagamart <orders@sagamart.example>', ...options });
  t.after(() => mailer.close());
  return mailer;
}

test('a mail arrives with its Message-ID, in text and HTML, marked as generated', async (t) => {
  const { url, received } = await startMailServer(t);
  await openMailer(t, url).send(mail);
  assert.match(
    received.content,
    /^Message-ID:\s+<01900000-0000-7000-8000-000000000001\.confirmed@sagamart\.example>$/m,
  );
  assert.match(received.content, /^From: Sagamart <orders@sagamart\.example>$/m);
  assert.match(received.content, /^Auto-Submitted: auto-generated$/m);
  assert.match(received.content, /^Content-Type: text\/plain/m);
  assert.match(received.content, /^Content-Type: text\/html/m);
});

test('a mail has exactly one recipient, whatever its address looks like', async (t) => {
  const { url, received } = await startMailServer(t);
  const mailer = openMailer(t, url);
  for (const to of [
    'ada@example.com,eve@example.org',
    'ada@example.com, eve@example.org',
    'Ada <ada@example.com>, eve@example.org',
  ]) {
    received.commands.length = 0;
    await mailer.send({ ...mail, to }).catch((error: unknown) => assert.ok(error instanceof MailNotTaken));
    assert.ok(
      received.commands.filter((command) => command.startsWith('RCPT')).length <= 1,
      received.commands.join('\n'),
    );
  }
});

test('a line break in an address brings no command and no header', async (t) => {
  const { url, received } = await startMailServer(t);
  await openMailer(t, url)
    .send({ ...mail, to: 'ada@example.com>\r\nRCPT TO:<eve@example.org' })
    .catch((error: unknown) => assert.ok(error instanceof MailNotTaken));
  assert.ok(
    received.commands.filter((command) => command.startsWith('RCPT')).length <= 1,
    received.commands.join('\n'),
  );
  assert.doesNotMatch(received.content, /^RCPT/m);
});

for (const [verb, answer, refusal] of [
  ['RCPT', '451 try again, ada@example.com', MailNotTaken],
  ['RCPT', '550 no such ada@example.com', MailRefused],
  ['RCPT', '501 what is ada@example.com', MailRefused],
  ['RCPT', '554 not from you to ada@example.com', MailNotTaken],
  ['MAIL', '550 not from you to ada@example.com', MailNotTaken],
  ['.', '452 no room for ada@example.com', MailNotTaken],
  ['.', '550 no such words to ada@example.com', MailNotTaken],
] as const) {
  const means = refusal === MailRefused ? 'refuses the address for good' : 'has not taken the mail yet';
  test(`a mail server that answers ${verb} with ${answer.slice(0, 3)} ${means}, and the error does not name the address`, async (t) => {
    const { url } = await startMailServer(t, { [verb]: answer });
    await assert.rejects(openMailer(t, url).send(mail), (error: unknown) => {
      assert.ok(error instanceof refusal);
      assert.ok(error.message.includes(answer.slice(0, 3)), error.message);
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /ada@/);
      return true;
    });
  });
}

for (const [verb, answer, refusal] of [
  ['RCPT', '550 5.1.1 no such ada@example.com', MailRefused],
  ['.', '554 5.1.1 no such ada@example.com', MailRefused],
  ['RCPT', '550 5.7.1 not from you to ada@example.com', MailBlocked],
  ['RCPT', '550-5.7.1 not from you to ada@example.com\r\n550 5.7.1 at all', MailBlocked],
  ['MAIL', '550 5.1.1 not from you to ada@example.com', MailBlocked],
  ['.', '554 not these words to ada@example.com', MailBlocked],
  ['DATA', '503 5.5.1 not so to ada@example.com', MailBlocked],
] as const) {
  test(`${verb} answered with ${answer.slice(0, 9)} is a ${refusal.name} whose words are for operators alone`, async (t) => {
    const { url } = await startMailServer(t, { [verb]: answer });
    await assert.rejects(openMailer(t, url).send(mail), (error: unknown) => {
      assert.equal((error as Error).constructor, refusal);
      assert.match((error as MailNotTaken).words, /ada@example\.com/);
      assert.doesNotMatch(`${(error as Error).stack} ${JSON.stringify(error)} ${inspect(error)}`, /ada@/);
      return true;
    });
  });
}

test('an address that no mail can be written to needs a person, and no server is asked', async (t) => {
  const { url, received } = await startMailServer(t);
  await assert.rejects(openMailer(t, url).send({ ...mail, to: '' }), MailBlocked);
  assert.deepEqual(
    received.commands.filter((command) => command.startsWith('RCPT')),
    [],
  );
});

test('a connection that ends after the last dot leaves it open whether the mail was taken', async (t) => {
  const { url } = await startMailServer(t, { '.': 'CUT' });
  await assert.rejects(openMailer(t, url).send(mail), (error: unknown) => {
    assert.equal((error as Error).constructor, MailNotTaken);
    return true;
  });
});

test('a mail server that falls silent has not taken the mail', async (t) => {
  const { url } = await startMailServer(t, { '.': null });
  await assert.rejects(openMailer(t, url, { sendTimeoutMs: 500 }).send(mail), MailNotTaken);
});

test('a mail server that keeps promising an answer has not taken the mail', { timeout: 30_000 }, async (t) => {
  const { url } = await startMailServer(t, { '.': '250-' });
  await assert.rejects(openMailer(t, url, { sendTimeoutMs: 500 }).send(mail), MailNotTaken);
});

test('a mail server that is away has not taken the mail, and takes it when it is back', async (t) => {
  const gone = await startMailServer(t);
  const mailer = openMailer(t, 'smtp://127.0.0.1:1');
  await assert.rejects(mailer.send(mail), MailNotTaken);
  await openMailer(t, gone.url).send(mail);
  assert.match(gone.received.content, /Message-ID/);
});
