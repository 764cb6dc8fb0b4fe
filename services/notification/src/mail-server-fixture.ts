import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

export type Received = { commands: string[]; content: string };

/**
 * A mail server of the fewest words (RFC 5321). Where `answers` has a command's verb now it answers with that, never where that is null; an answer
 * that ends in "-" promises another line, and is repeated for ever. `CUT` closes the connection instead.
 */
export async function startMailServer(
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
      if (answer === 'CUT') {
        socket.destroy();
        return;
      }
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
