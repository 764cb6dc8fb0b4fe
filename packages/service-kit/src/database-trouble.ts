import { PartitionNotMade, tableWithoutPartition } from './partitions.ts';

/** A transaction that lost a race: nothing was written, and the same work may succeed when it is tried again. */
export class LostRace extends Error {
  override name = 'LostRace';
}

/**
 * What an error says about the work that met it. `lost_race`: others were faster or held a lock; never the work's fault. `conflict`: a unique or
 * named constraint, which is a lost race or a bug. `too_much`: more than one statement may take; less may do. `unavailable`: the database cannot be
 * reached, is starting, stopping or full. `place`: the database refuses the statement itself, whatever values come with it: a table, a right, a
 * setting or a prepared plan is not as it was. `unexplained`: the values that came may be to blame, or the place; only a comparison can tell.
 */
export type DatabaseTrouble = 'lost_race' | 'conflict' | 'too_much' | 'unavailable' | 'place' | 'unexplained';

/** Reads an error of PostgreSQL, of its driver or of the network. Constraints count as races by name, never by code alone. */
export function triageDatabaseError(error: unknown, racingConstraints: readonly string[] = []): DatabaseTrouble {
  if (!(error instanceof Error)) return 'unexplained';
  if (error instanceof LostRace) return 'conflict';
  const code = codeOf(error);
  if ('constraint' in error && racingConstraints.includes(String(error.constraint))) return 'conflict';
  if (code === uniqueViolation) return 'conflict';
  if (error instanceof PartitionNotMade) return 'unavailable';
  const table = tableWithoutPartition(error);
  // Of the inbox it is the message's: its id is outside of what is remembered. Of the outbox it is ours: a clock that is days away from the database's.
  if (table !== null) return table === 'inbox' ? 'unexplained' : 'unavailable';
  if (lostRaces.has(code)) return 'lost_race';
  if (tooMuch.has(code)) return 'too_much';
  if (networkCodes.has(code) || passingSqlStates.test(code) || driverMessages.has(error.message)) return 'unavailable';
  if (sqlState.test(code) && !statesOfValues.test(code)) return 'place';
  return error.cause instanceof Error ? triageDatabaseError(error.cause, racingConstraints) : 'unexplained';
}

/** What two errors have in common that fail alike: code and constraint, or name and words without ids and numbers. */
export function likenessOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, likenessLengthMax);
  const code = codeOf(error);
  const constraint = 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : '';
  if (sqlState.test(code) && !code.startsWith('P0')) return `${code} ${constraint}`.trim();
  const words = error.message.replaceAll(/[0-9a-f]{4,}(-[0-9a-f]{4,})*|\d+/gi, '#');
  return `${code === '' ? error.name : code}: ${words}`.slice(0, likenessLengthMax);
}

const likenessLengthMax = 200;

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const uniqueViolation = '23505';

// serialization failure, deadlock, lock timeout
const lostRaces = new Set(['40001', '40P01', '55P03']);

// statement timeout, out of memory or of locks
const tooMuch = new Set(['57014', '53200']);

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

// SQLSTATE classes and codes (PostgreSQL 18, appendix A) that pass by themselves or by an operator's hand: connection, read only, idle in
// transaction, password or database missing, resources, operator intervention, system error.
const passingSqlStates = /^(08...|25006|25P03|28...|3D000|53...|57P0[1-5]|58...)$/;

const sqlState = /^(\d[\dA-Z]|F0|HV|P0|XX)[\dA-Z]{3}$/;

// Our statements are fixed texts, so a message brings nothing to them but values. The classes that a value can cause: cardinality, data, constraints,
// views' check options, limits, what a function or trigger raises, and errors inside PostgreSQL. All others are of the place by nature.
const statesOfValues = /^(2[0-37]|38|39|44|54|P0|F0|HV|XX)/;

// pg gives these no code: node-postgres issue 1940 and its own timers.
const driverMessages = new Set([
  'timeout exceeded when trying to connect',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Connection terminated',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
]);
