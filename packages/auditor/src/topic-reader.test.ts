import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askPatiently } from './topic-reader.ts';

test('a broker that leads nothing for a moment is asked again, and any other refusal stands', async () => {
  const notLeader = Object.assign(new Error('This server is not the leader'), { retriable: true });
  let asked = 0;
  const busy = async (): Promise<string> => {
    asked += 1;
    return asked < 3 ? Promise.reject(notLeader) : Promise.resolve('offsets');
  };
  assert.equal(await askPatiently(busy), 'offsets');
  await assert.rejects(
    askPatiently(() => Promise.reject(notLeader), 0),
    notLeader,
  );
  const refusal = Object.assign(new Error('Not authorized'), { retriable: false });
  await assert.rejects(
    askPatiently(() => Promise.reject(refusal)),
    refusal,
  );
});
