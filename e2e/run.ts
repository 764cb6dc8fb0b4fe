import { parseArgs } from 'node:util';
import { messageOf } from '@sagamart/stack/stack-problem';
import { chooseTarget } from '@sagamart/stack/target';
import { runSuite } from './suite.ts';
import { closeTally } from './test-run.ts';

// `npm run e2e -- [--target native|compose] <part of a file's name> …`
try {
  const { values, positionals } = parseArgs({ options: { target: { type: 'string' } }, allowPositionals: true });
  closeTally(await runSuite(await chooseTarget(values.target), positionals));
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}
