import assert from 'node:assert/strict';
import type { Saboteur } from '@sagamart/saboteurs/saboteur';
import { readSettings, valueOf } from '@sagamart/stack/settings';
import type { Shop } from '@sagamart/stack/shop';
import { Client } from 'pg';

/** Removes what is not code: constraints, walls, settings of a connector. */
export async function prepareShop(shop: Shop, { beforehand, where }: Saboteur): Promise<void> {
  switch (beforehand?.kind) {
    case 'sql':
      return runAsSuperuser(shop.auditorUrls[where], beforehand.statements);
    case 'connector':
      return changeConnector(`${shop.connectUrl}/connectors/${where}-outbox/config`, beforehand.settings);
    case undefined:
      return;
    default:
      return beforehand satisfies never;
  }
}

async function runAsSuperuser(auditorUrl: string, statements: readonly string[]): Promise<void> {
  const url = new URL(auditorUrl);
  url.username = 'postgres';
  url.password = valueOf(readSettings(), 'POSTGRES_SUPERUSER_PASSWORD');
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function changeConnector(address: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const known: unknown = await (await fetch(address)).json();
  assert.ok(typeof known === 'object' && known !== null);
  const answer = await fetch(address, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...known, ...settings }),
  });
  assert.ok(answer.ok, `Connect answered ${answer.status}: ${await answer.text()}`);
}
