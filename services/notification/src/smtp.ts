import { createTransport } from 'nodemailer';
import type { Mail } from './mail.ts';

/** The way to the mail server. */
export type Mailer = {
  /**
   * Fulfilled when the server has taken the mail; rejects with MailRefused when it will never take mail for this address, else with MailNotTaken: then
   * it may have been taken all the same.
   */
  send(mail: Mail): Promise<void>;
  close(): void;
};

/** The mail server did not say that it took a mail. Carries codes only, and no cause: the server's words may repeat the address. */
export class MailNotTaken extends Error {
  override readonly name = 'MailNotTaken';
}

/** The mail server refuses the address itself, for good. Trying again would get the same answer (RFC 5321, section 4.2.1). */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}

/** As many mails are on their way at once; those of another delivery wait for a connection. By default Postfix lets one client have no more. */
export const connectionsMax = 50;

/** The longest a mail may take from start to end. Less than the 5 s a part has to close in: a mail under way ends before the process does. */
export const sendTimeoutMs = 4_000;

/** `from` is the sender as it stands in the mail. */
export function createMailer(options: { url: string; from: string; sendTimeoutMs?: number }): Mailer {
  const { url, from } = options;
  const timeoutMs = options.sendTimeoutMs ?? sendTimeoutMs;
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: connectionsMax,
    // Trying again is ours to do: with a pause, counted, and after a crash too.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // A mail is words only: nothing in it may make this process read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail) {
      const { messageId, subject, text, html } = mail;
      try {
        await transport.sendMail({
          from,
          // An object, not text: text is read as a list, and a comma in an address would be a second recipient.
          to: { name: '', address: mail.to },
          messageId: `<${messageId}>`,
          subject,
          text,
          html,
          headers: { 'auto-submitted': 'auto-generated' },
          signal: AbortSignal.timeout(timeoutMs),
        });
      } catch (error) {
        throw isOfAddress(error) ? new MailRefused(codesOf(error)) : new MailNotTaken(codesOf(error));
      }
    },
    close: () => transport.close(),
  };
}

// Wrong syntax, no such mailbox, moved elsewhere, no such name. Other lasting errors are about us: the sender, a login, a rule of the server.
const addressRefusals = new Set([501, 550, 551, 553]);

function isOfAddress(error: unknown): boolean {
  if (!(error instanceof Error) || !('command' in error) || !('responseCode' in error)) return false;
  return error.command === 'RCPT TO' && addressRefusals.has(Number(error.responseCode));
}

function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const codes = (['code', 'command', 'responseCode'] as const).map((name) =>
    name in error ? String(error[name as keyof typeof error]) : '',
  );
  return codes.filter((code) => code !== '').join(' ') || error.name;
}
