import type { LedgerEntry } from './books.ts';

const ledgerPageSize = 1_000;
const answerTimeoutMs = 10_000;

/** The whole ledger of the payment provider, in its order. */
export async function readLedger(provider: { url: string; apiKey: string }): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (let after = 0; ;) {
    const url = `${provider.url}/v1/ledger?after=${after}&limit=${ledgerPageSize}`;
    const page = (await getJson(url, { authorization: `Bearer ${provider.apiKey}` })) as {
      items: LedgerEntry[];
      nextAfter: number | null;
    };
    entries.push(...page.items);
    if (page.nextAfter === null || page.items.length === 0) return entries;
    after = page.nextAfter;
  }
}

/** Reads the mail catcher (maildev 2.2) from where it stopped last time; mails stay there, so each is read once. */
export function createMailReader(mailUrl: string): () => Promise<string[]> {
  const messageIds: string[] = [];
  return async () => {
    const mails = (await getJson(`${mailUrl}/email?skip=${messageIds.length}`, {})) as { messageId?: string }[];
    for (const { messageId } of mails) messageIds.push((messageId ?? '').replace(/^<|>$/g, ''));
    return [...messageIds];
  };
}

async function getJson(url: string, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(answerTimeoutMs) }).catch(
    (cause: unknown) => {
      throw new Error(`${url} does not answer. Is that part up? See: npm run stack -- status`, { cause });
    },
  );
  if (!response.ok) throw new Error(`${url} answered ${response.status}: expected 200`);
  return response.json();
}
