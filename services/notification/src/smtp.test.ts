import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import type { Mail } from './mail.ts';
import { createMailer, MailNotTaken, MailRefused, type Mailer } from './smtp.ts';

const mail: Mail = {
  messageId: '01900000-0000-7000-8000-000000000001.confirmed@sagamart.example',
  to: 'ada@example.com',
  subject: 'Your order is confirmed',
  text: 'Thank you: 2 × mug, €29.80',
  html: '<p>Thank you: 2 × mug, €29.80</p>',
};

type Received = { commands: string[]; content: string };

/**
 * A mail server of the fewest words (RFC 5321). Where `answers` has a command's verb it answers with that, never where that is null; an answer
 * that ends in "-" promises another line, and is repeated for ever.
 */
async function startMailServer(
  t: TestContext,
  answers: Record<string, string | null> = {},
): Promise<{ url: string; received: Received }> {
  const received: Received = { commands: [], content: '' };
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    let isContent = false;
    socket.on('error', () => socket.destroy());
    socket.write('220 mail.example\r\n');
    createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      if (isContent && line !== '.') {
        received.content += `${line}\n`;
        return;
      }
      const verb = isContent ? '.' : (line.split(/[ :]/)[0] ?? '').toUpperCase();
      isContent = verb === 'DATA';
      received.commands.push(line);
      const answer = verb in answers ? answers[verb] : isContent ? '354 go on' : '250 fine';
      if (typeof answer !== 'string') return;
      socket.write(`${answer}\r\n`);
      if (answer.endsWith('-')) {
        const repeating = setInterval(() => socket.write(`${answer}\r\n`), 50);
        t.after(() => clearInterval(repeating));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `smtp://127.0.0.1:${address.port}`, received };
}

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
