import { beginTrace, traceIdOf } from '@sagamart/telemetry/trace-context';
import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { closeLingering, isLingering } from './lingering-close.ts';
import { Problem, problemMediaType } from './problem.ts';

type Limits = { headerBytesMax: number; requestTimeoutMs: number };
type ParserError = Error & { code?: string };

const latest = new WeakMap<Socket, ServerResponse>();
/** After these their connections are closed. */
const last = new WeakSet<ServerResponse>();

/** Remembers which answer a connection waits for, and answers CONNECT, which never becomes a request. */
export function watchConnections(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    latest.set(request.raw.socket, reply.raw);
    done();
  });
  app.server.on('connect', (_request, stream: Duplex) => {
    stream.on('error', () => stream.destroy());
    if (!(stream instanceof Socket)) stream.destroy();
    else
      closeLingering(stream, written(new Problem({ status: 405, code: 'no_such_route', detail: 'This is no proxy.' })));
  });
}

/**
 * Answers what Node's parser refuses, which never becomes a request, on the bare connection, and closes it. An answer that is on its way there goes
 * first and is the last: bytes of ours in the middle of it would be taken for a part of it.
 */
export function answerBrokenRequest(error: ParserError, socket: Socket, limits: Limits): void {
  if (isLingering(socket)) return;
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const response = latest.get(socket);
  const request = response?.req;
  // It was answered before it was all there, and its rest is what is broken.
  if (response?.writableFinished === true && request?.complete === false) return closeLingering(socket);
  const isAnswering = response !== undefined && !response.writableFinished;
  if (isAnswering && (request?.complete === true || response.headersSent)) {
    if (last.has(response)) return;
    last.add(response);
    response.shouldKeepAlive = false;
    response.once('finish', () => closeLingering(socket));
    return;
  }
  closeLingering(socket, written(problemOf(error, limits)));
}

function problemOf({ code }: ParserError, { headerBytesMax, requestTimeoutMs }: Limits): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = `Send at most ${headerBytesMax} bytes of path and headers.`;
    return new Problem({ status: 431, code: 'headers_too_large', detail });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const detail = `Send the whole request within ${requestTimeoutMs} ms.`;
    return new Problem({ status: 408, code: 'request_timeout', detail });
  }
  return new Problem({ status: 400, code: 'invalid_http', detail: 'The request is not valid HTTP.' });
}

/** The problem as a whole answer, the last of its connection. */
function written(problem: Problem): string {
  const body = problem.body(traceIdOf(beginTrace()));
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${body.status} ${body.title}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}
