import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { measureUsage } from './usage.ts';

test('a child that ends while we measure takes no time out of the sum', async (t) => {
  // A busy child that has worked before the measuring begins and ends during it.
  const script = `const { spawn } = require('child_process'); spawn(process.execPath, ['-e', 'const end = Date.now() + 900; while (Date.now() < end);']); setTimeout(() => {}, 60000);`;
  const parent = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  t.after(() => parent.kill());
  const pid = parent.pid ?? assert.fail('no process');
  const [usage, supervisor] = await measureUsage({ parts: [{ name: 'busy', pid }], supervisorPid: process.pid }, 1.5);
  assert.equal(usage?.processes, 1);
  assert.ok(usage.cpuPercentOfACore > 5, `${usage.cpuPercentOfACore}`);
  assert.ok(usage.cpuPercentOfACore < 100, `${usage.cpuPercentOfACore}`);
  assert.ok(usage.residentBytes > 1024 ** 2);
  assert.equal(supervisor?.name, 'supervisor');
});
