import { mailUrl, serviceUrl } from './addresses.ts';
import type { PartStatus } from './part.ts';
import type { Settings } from './settings.ts';
import type { ShopStatus } from './supervisor.ts';

/** `leftovers` are parts whose supervisor was killed; they count only when no supervisor answers. */
export function formatStatus(status: ShopStatus, leftovers: readonly string[]): string {
  if (status.parts.length === 0) {
    const left =
      leftovers.length === 0
        ? ''
        : `\nA killed run left these parts running, without anyone to look after them: ${leftovers.join(', ')}.\nThe next start ends them; so does: npm run stack -- down`;
    return `No shop runs here. Start it with: npm start, or: docker compose up --wait${left}`;
  }
  const rows = status.parts.map((part) => [
    part.name,
    part.state,
    part.container ?? String(part.pid ?? ''),
    age(part.since),
    part.url,
    part.detail?.split('\n')[0] ?? '',
  ]);
  const header = ['part', 'state', status.target === 'native' ? 'pid' : 'container', 'for', 'address', ''];
  return [`The shop is ${status.state}.`, '', ...table([header, ...rows])].join('\n');
}

/** What a start ends with: where everything is, and three commands to try. */
export function formatWelcome(
  settings: Settings,
  status: ShopStatus,
  tookMs: number,
  { detached }: { detached: boolean },
): string {
  const gateway = serviceUrl(settings, 'gateway');
  const json = `-H 'content-type: application/json'`;
  const order = `{"lines":[{"sku":"'$SKU'","quantity":1}],"paymentMethod":"tok_visa"}`;
  return [
    `The shop is open: ${status.parts.length} parts in ${(tookMs / 1000).toFixed(1)} s.`,
    '',
    ...table([
      ['gateway', gateway],
      ['mail', mailUrl(settings)],
      ...status.parts.filter(isInfrastructure).map((part) => [part.name, part.url]),
    ]),
    '',
    'Try:',
    `  TOKEN=$(curl -s ${gateway}/v1/sessions ${json} -d '{"email":"you@example.com"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`,
    `  SKU=$(curl -s '${gateway}/v1/products?limit=1' | sed 's/.*"sku":"\\([^"]*\\)".*/\\1/'); curl -s ${gateway}/v1/orders -H "authorization: Bearer $TOKEN" -H "idempotency-key: $RANDOM" ${json} -d '${order}'`,
    '  npm run stack -- status',
    '',
    detached ? 'Stop it with: npm run stack -- down' : 'Stop it with Ctrl-C.',
  ].join('\n');
}

function isInfrastructure(part: PartStatus): boolean {
  return part.name !== 'gateway' && part.name !== 'mail';
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}

/** A part in a few words: its name, its state, and why it is in it. */
export function describePart({ name, state, detail }: PartStatus): string {
  const [why] = detail?.split('\n') ?? [];
  return `${name}: ${state}${why === undefined ? '' : ` (${why})`}`;
}

function age(since: string): string {
  const seconds = Math.round((Date.now() - Date.parse(since)) / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
