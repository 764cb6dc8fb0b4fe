import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What came of a request that was written byte by byte. */
export type RawExchange = {
  /** All that was read, and its parts as far as it is one answer. */
  readonly text: string;
  readonly status: number;
  readonly body: string;
  /** The code of the error the connection ended with, such as ECONNRESET; null when it was closed in order. */
  readonly error: string | null;
  /** Whether the other side took all that was written. */
  readonly isAllSent: boolean;
};

/**
 * Writes `parts` on a new connection, to a port of this host unless told, each when the one before was taken, and reads until the other side says that no more comes. With `reads: 'at the end'` nothing
 * is read before all is written, as simple clients do; with `'first'` all but the first part is written only once an answer has begun to come.
 */
export async function exchangeRaw(
  to: number | { host: string; port: number },
  parts: Iterable<string | Buffer>,
  reads: 'at the end' | 'first' | 'meanwhile' = 'meanwhile',
): Promise<RawExchange> {
  const address = typeof to === 'number' ? { host: '127.0.0.1', port: to } : to;
  const socket = connect({ ...address, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let error: string | null = null;
  socket.on('error', (cause: Error & { code?: string }) => (error = cause.code ?? cause.message));
  // Not `once` of node:events, which rejects with an error of the socket.
  const event = (name: string) => new Promise<void>((resolve) => socket.once(name, () => resolve()));
  const closed = event('close');
  const ended = Promise.race([event('end'), closed]);
  const listen = () => socket.on('data', (chunk) => chunks.push(chunk));
  if (reads !== 'at the end') listen();
  const begun = reads === 'first' ? Promise.race([event('data'), closed]) : undefined;
  let isAllSent = true;
  let isFirst = true;
  for (const part of parts) {
    if (!isFirst) await begun;
    isFirst = false;
    if (!(await take(socket, part))) {
      isAllSent = false;
      break;
    }
  }
  if (reads === 'at the end') listen();
  await ended;
  socket.end();
  await closed;
  const text = Buffer.concat(chunks).toString();
  const [head = '', ...rest] = text.split('\r\n\r\n');
  return {
    text,
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
    body: rest.join('\r\n\r\n'),
    error,
    isAllSent,
  };
}

function take(socket: Socket, part: string | Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const close = () => resolve(false);
    socket.once('close', close);
    socket.write(part, (cause) => {
      socket.off('close', close);
      resolve(cause === undefined || cause === null);
    });
  });
}

/**
 * Opens a forwarder to a port that behaves as Docker's userland proxy does: copies both ways, hands on that one side has ended, and resets its caller when
 * the other side resets.
 */
export async function openForwarder(to: number): Promise<{ port: number; close: () => void }> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (caller) => {
    const service = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, other] of [
      [caller, service],
      [service, caller],
    ] as const) {
      open.add(from);
      from.pipe(other);
      from.on('error', () => other.resetAndDestroy());
      from.once('close', () => open.delete(from));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
