import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { relative } from 'node:path';
import { answerControl } from '../control.ts';
import type { Settings } from '../settings.ts';
import { StackProblem } from '../stack-problem.ts';
import { composeShop } from './compose-shop.ts';
import { docker, listContainers } from './docker.ts';
import { type FromContainer, receive, send } from './tool-stream.ts';

export type Tool = {
  /** Absolute path of a program of this checkout; the image holds it at the same place. */
  readonly program: string;
  readonly args: readonly string[];
  /** The service of infra/compose/shop.yml to run it as: what it may know. */
  readonly service?: 'tools' | 'owner-tools';
  /** Told everything the tool prints, besides that it is printed. */
  readonly onOutput?: (text: string) => void;
};

const ENDS_WITHIN_MS = 10_000;
const CONTAINER_PROGRAM = 'packages/stack/src/compose/tool-container.ts';

/**
 * Runs a tool in a container of its own on the shop's inner networks, where it reaches the databases, Kafka and the provider, and resolves with its exit
 * code when the container is gone. What it asks of the parts is done here. A signal ends it; so does the end of this process.
 */
export async function runBesideData(settings: Settings, tool: Tool): Promise<number> {
  const { project, root } = settings;
  const [container] = await listContainers(project);
  if (container === undefined)
    throw new StackProblem(
      'not_running',
      `The compose project ${project} does not run. Start it with: docker compose up --wait`,
    );
  const name = `${project}-tool-${process.pid}`;
  const child = startContainer(container.composeArgs, { name, root, tool });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => undefined);
  const stopPassingOn = passSignalsOn((signal) => send(child.stdin, { kind: 'signal', signal }), name);
  const closed = once(child, 'close');
  const shop = composeShop(project);
  let code: number | undefined;
  try {
    for await (const message of receive<FromContainer>(child.stdout, (line) => (said += `${line}\n`))) {
      switch (message.kind) {
        case 'output':
          process[message.to].write(message.text);
          tool.onOutput?.(message.text);
          break;
        case 'question':
          void answerControl(shop, message.path).then((answer) =>
            send(child.stdin, { kind: 'answer', id: message.id, ...answer }),
          );
          break;
        case 'ended':
          code = message.code;
          child.stdin.end();
          break;
        default:
          message satisfies never;
      }
    }
    await closed;
  } finally {
    stopPassingOn();
  }
  if (code !== undefined) return code;
  throw new StackProblem(
    'tool_lost',
    `The tool's container could not be run, or was ended: ${said.trim() || 'Docker said nothing'}`,
  );
}

function startContainer(
  composeArgs: readonly string[],
  { name, root, tool }: { name: string; root: string; tool: Tool },
): ChildProcessWithoutNullStreams {
  const run = ['--progress', 'quiet', 'run', '--rm', '--no-deps', '--no-TTY', '--name', name, tool.service ?? 'tools'];
  const command = ['node', CONTAINER_PROGRAM, relative(root, tool.program), ...tool.args];
  // A group of its own: Ctrl-C is passed on once, and not by Docker as well.
  return spawn('docker', ['compose', ...composeArgs, ...run, ...command], { detached: true, stdio: 'pipe' });
}

function passSignalsOn(pass: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void, container: string): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let last: NodeJS.Timeout | undefined;
  const onSignal = (signal: (typeof signals)[number]) => {
    pass(signal);
    last ??= setTimeout(() => void docker(['rm', '--force', container]).catch(() => undefined), ENDS_WITHIN_MS);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    clearTimeout(last);
    for (const signal of signals) process.off(signal, onSignal);
  };
}
