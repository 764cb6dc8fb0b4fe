import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ControlAnswer } from '../control.ts';

// A tool in a container and the command that started it talk over the container's own standard streams, one JSON document a line. So nothing is mounted
// and no port is opened, a remote or rootless engine does as well, and the tool can control parts without ever seeing Docker.

/** What the container says: the tool printed something, asks about the shop (a path of its control socket), or has ended. */
export type FromContainer =
  | { readonly kind: 'output'; readonly to: 'stdout' | 'stderr'; readonly text: string }
  | { readonly kind: 'question'; readonly id: number; readonly path: string }
  | { readonly kind: 'ended'; readonly code: number };

/** What the container is told. When this stream ends, so does the tool. */
export type ToContainer =
  | ({ readonly kind: 'answer'; readonly id: number } & ControlAnswer)
  | { readonly kind: 'signal'; readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' };

export function send(stream: Writable, message: FromContainer | ToContainer): void {
  stream.write(`${JSON.stringify(message)}\n`);
}

/** The messages of a stream until it ends. A line that is none was printed by somebody else, and goes to `onOther`. */
export async function* receive<Message extends FromContainer | ToContainer>(
  stream: Readable,
  onOther: (line: string) => void,
): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    const message = readMessage<Message>(line);
    if (message === undefined) onOther(line);
    else yield message;
  }
}

function readMessage<Message>(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null && 'kind' in message ? (message as Message) : undefined;
  } catch {
    return undefined;
  }
}
