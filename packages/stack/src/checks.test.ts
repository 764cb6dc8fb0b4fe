import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFailures, judgeDisk, judgeJava, judgeMemory } from './checks.ts';
import { readJavaVersion } from './java.ts';

test('a Java that is too old is named with its version and what to do', () => {
  assert.equal(judgeJava(readJavaVersion('openjdk version "17.0.15" 2025-04-15')).fix, undefined);
  assert.equal(readJavaVersion('Picked up JAVA_TOOL_OPTIONS: -Dx="1"\nopenjdk version "21" 2023-09-19').major, 21);
  const old = judgeJava(readJavaVersion('java version "1.8.0_292"'));
  assert.match(old.found, /1\.8\.0_292/);
  assert.match(old.fix ?? '', /Java 17 or newer.*JAVA_HOME/);
});

test('too little memory or disk is told with how much there is and how much is needed', () => {
  assert.equal(judgeMemory(4 * 1024 ** 3).fix, undefined);
  const failures = describeFailures([
    judgeMemory(1024 ** 3),
    judgeDisk('/data', 0.5 * 1024 ** 3),
    judgeDisk('/cache', 9 * 1024 ** 3),
  ]);
  assert.match(failures ?? '', /^memory: 1\.0 GB available\. The shop needs 2\.0 GB/);
  assert.match(failures ?? '', /disk of \/data: 0\.5 GB free\. .*SAGAMART_HOME/);
  assert.doesNotMatch(failures ?? '', /cache:/);
});
