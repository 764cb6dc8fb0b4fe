import type { ServiceName } from '@sagamart/contracts/topics';
import { Client, DatabaseError } from 'pg';
import type { Door } from './books.ts';
import type { Reader } from './database-reader.ts';

const connectTimeoutMs = 3_000;

/** Tries every service's auditor role on every other service's database. */
export async function tryDoors(databaseUrls: Readonly<Record<ServiceName, string>>): Promise<Door[]> {
  const entries = Object.entries(databaseUrls) as [ServiceName, string][];
  const attempts = entries.flatMap(([service, url]) =>
    entries
      .filter(([other]) => other !== service)
      .map(async ([, otherUrl]) => {
        const { username, password } = new URL(otherUrl);
        const door = new URL(url);
        Object.assign(door, { username, password });
        return { service, role: username, open: await letsIn(door.href) };
      }),
  );
  return Promise.all(attempts);
}

/** The roles that could log in to this service's server though they are neither its own nor the superuser. */
export async function listStrangers(service: ServiceName, reader: Reader): Promise<Door[]> {
  const { rows } = await reader.query(
    `select rolname as role from pg_roles where rolcanlogin and not rolsuper and rolname not like '${service}\\_%'`,
  );
  return (rows as { role: string }[]).map(({ role }) => ({ service, role, open: true }));
}

/** Only a refusal by the server counts as closed; a server that cannot be reached proves nothing and is an error. */
async function letsIn(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && refusalCodes.has(error.code ?? '')) return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

// invalid authorization, invalid password, insufficient privilege
const refusalCodes = new Set(['28000', '28P01', '42501']);
