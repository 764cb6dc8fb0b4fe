import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';

/** So much of what a caller still sends after its answer is thrown away, and for so long, before its connection is cut. */
const lingerBytesMax = 64 * 1024 * 1024;
const lingerMsMax = 10_000;
/** A request that is not answered so long after the app began to close is cut: a process has 5 s for it. */
const cutAfterMs = 4_000;

/**
 * Closes a connection so that what was answered on it can be read (RFC 9112, section 9.6): says `lastWords`, then that no more will come, and throws
 * away what the caller still sends until it closes its side or a limit is reached. A socket that is destroyed with bytes unread is reset, and a
 * reset takes the answer with it: always behind a proxy such as Docker's, and otherwise whenever the caller sends before it reads.
 */
export function closeLingering(socket: Socket, lastWords = ''): void {
  if (socket.destroyed || lingering.has(socket)) return;
  lingering.add(socket);
  const timeout = setTimeout(() => socket.destroy(), lingerMsMax);
  socket.once('close', () => clearTimeout(timeout));
  // Of a socket that the parser had paused, only what the parser has hung on it begins to read again.
  if (socket.isPaused()) socket.once('resume', () => throwAway(socket));
  else throwAway(socket);
  socket.resume();
  socket.end(lastWords);
}

/** What comes now is part of no request: the parser must not see it. Listening for it takes it away from the parser. */
function throwAway(socket: Socket): void {
  let bytesLeft = lingerBytesMax;
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    bytesLeft -= chunk.length;
    if (bytesLeft < 0) socket.destroy();
  });
}

/** Whether the connection is being closed: all that was to be said on it has been said. */
export function isLingering(socket: Socket): boolean {
  return lingering.has(socket);
}

/**
 * Makes every answer of the app readable, also to a caller that is still sending its request: a connection is closed lingering. An answer before the
 * end of a body that nobody here would read says that it closes; what is left of a smaller one is read, and the connection stays.
 */
export function closeConnectionsLingering(app: FastifyInstance, options: { bodyBytesMax: number }): void {
  const open = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket) => {
    const destroySoon = socket.destroySoon.bind(socket);
    // What Node calls after the last answer on a connection.
    socket.destroySoon = () => (isClosing ? destroySoon() : closeLingering(socket));
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (isLargeBodyComing(request, options.bodyBytesMax)) reply.header('connection', 'close');
    done();
  });
  app.addHook('preClose', (done) => {
    isClosing = true;
    // Node closes a connection that waits for its next request, but not one on which none ever came.
    for (const socket of open) if (lingering.has(socket) || socket.bytesRead === 0) socket.destroy();
    setTimeout(() => app.server.closeAllConnections(), cutAfterMs).unref();
    done();
  });
}

const lingering = new WeakSet<Socket>();

function isLargeBodyComing({ raw, headers }: FastifyRequest, bodyBytesMax: number): boolean {
  if (raw.complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > bodyBytesMax;
}
