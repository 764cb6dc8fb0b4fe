import type { LedgerEntry } from './books.ts';
import type { Notes } from './notebook.ts';

const ledgerPageSize = 1_000;
// The mail catcher writes out all its mails for one answer: 10,000 of them are more than 10 s on a busy machine.
const answerTimeoutMs = 60_000;

export type Provider = { readonly url: string; readonly apiKey: string };

/** The ledger of the payment provider after a sequence number, in its order, page by page. */
export async function* readLedger({ url, apiKey }: Provider, after = 0): AsyncGenerator<LedgerEntry[]> {
  for (let last: number | null = after; last !== null;) {
    const response = await get(`${url}/v1/ledger?after=${last}&limit=${ledgerPageSize}`, {
      authorization: `Bearer ${apiKey}`,
    });
    const page = (await response.json()) as { items: LedgerEntry[]; nextAfter: number | null };
    if (page.items.length > 0) yield page.items;
    last = page.items.length === 0 ? null : page.nextAfter;
  }
}

/** A void knows only the key of the capture it forbids. */
export function orderIdOf({ reference, key }: LedgerEntry): string {
  return reference ?? key.replace(/^capture-/, '');
}

/**
 * Reads the mail catcher (maildev 2.2) from where it stopped last time: it gives its mails by their place. A restart puts them into another order. Then
 * one that was read stands where new ones are expected, or the last one no longer where it was: all are read again.
 */
export function createMailReader(mailUrl: string): () => Promise<Notes['mails'][]> {
  const known = new Set<string>();
  let read = 0;
  let last: string | undefined;
  const readFrom = async (place: number): Promise<string[]> => {
    const response = await get(`${mailUrl}/email?skip=${place}`, {});
    return findMessageIds(response.body ?? new ReadableStream());
  };
  return async () => {
    let messageIds = await readFrom(Math.max(read - 1, 0));
    const fresh = read === 0 ? messageIds : messageIds.slice(1);
    const isAsItWas = read === 0 || (messageIds[0] === last && !fresh.some((messageId) => known.has(messageId)));
    if (isAsItWas) {
      read += fresh.length;
    } else {
      messageIds = await readFrom(0);
      read = messageIds.length;
    }
    last = messageIds.at(-1);
    for (const messageId of messageIds) known.add(messageId);
    return messageIds.map((messageId) => ({ messageId, orderId: orderIdOfMail(messageId) }));
  };
}

/** A mail of ours is called <order id>.<outcome>@sagamart.example. */
export function orderIdOfMail(messageId: string): string {
  return messageId.replace(/\.[a-z]+@.*$/, '');
}

/** Entries by their order. One of which a person made the reference up, as it is done at the provider's own desk, belongs to that of its capture. */
export function entriesByOrder(ledger: readonly LedgerEntry[]): Map<string, LedgerEntry[]> {
  const captures = ledger.filter(({ kind }) => kind === 'capture');
  const orderOf = new Map(captures.map((capture) => [capture.captureId, orderIdOf(capture)]));
  return Map.groupBy(
    ledger,
    (entry) => (isForeignRefund(entry) ? orderOf.get(entry.captureId) : undefined) ?? orderIdOf(entry),
  );
}

/** Whether it is a refund under a key that is none of ours, refund-<order id>: then its reference may say anything. */
export function isForeignRefund({ kind, key }: LedgerEntry): boolean {
  return kind === 'refund' && !/^refund-[0-9a-f-]{36}$/.test(key);
}

const messageIdPattern = /"messageId":"<?([^">]*)>?"/g;
const messageIdLengthMax = 1_000;

/** The catcher gives whole mails and has no pages, so its answer is looked through as it comes. Inside of a text the pattern's quotes are escaped. */
async function findMessageIds(body: ReadableStream<Uint8Array>): Promise<string[]> {
  const found: string[] = [];
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    let end = 0;
    for (const match of text.matchAll(messageIdPattern)) {
      found.push(match[1] ?? '');
      end = match.index + match[0].length;
    }
    text = text.slice(Math.max(end, text.length - messageIdLengthMax));
  }
  return found;
}

async function get(url: string, headers: Record<string, string>): Promise<Response> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(answerTimeoutMs) }).catch(
    (cause: unknown) => {
      throw new Error(`${url} does not answer. Is that part up? See: npm run stack -- status`, { cause });
    },
  );
  if (!response.ok) throw new Error(`${url} answered ${response.status}: expected 200`);
  return response;
}
