import { createTransport } from 'nodemailer';
import type { Mail } from './mail.ts';

/** The way to the mail server. */
export type Mailer = {
  /** Fulfilled when the server has taken the mail; rejects with MailNotTaken. It may have been taken all the same. */
  send(mail: Mail): Promise<void>;
  close(): void;
};

/** The mail server did not say that it took a mail. Carries codes only: the server's words may repeat the address. */
export class MailNotTaken extends Error {
  override readonly name = 'MailNotTaken';
}

/** As many mails at once as there are connections. */
export const connectionsMax = 10;

/** The longest a mail may take from start to end. */
export const sendTimeoutMs = 5_000;

export function createMailer({ url, from }: { url: string; from: string }): Mailer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: connectionsMax,
    connectionTimeout: sendTimeoutMs,
    greetingTimeout: sendTimeoutMs,
    socketTimeout: sendTimeoutMs,
    // A mail is words only: nothing in it may make this process read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail) {
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new MailNotTaken(`no answer within ${sendTimeoutMs} ms`)), sendTimeoutMs);
      // An object, not text: text is read as a list, and a comma in an address would be a second recipient.
      const to = { name: '', address: mail.to };
      const { messageId, subject, text, html } = mail;
      const sending = transport.sendMail({
        from,
        to,
        messageId: `<${messageId}>`,
        subject,
        text,
        html,
        headers: { 'auto-submitted': 'auto-generated' },
      });
      try {
        await Promise.race([sending, late]);
      } catch (error) {
        throw error instanceof MailNotTaken ? error : new MailNotTaken(codesOf(error));
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => transport.close(),
  };
}

function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const codes = (['code', 'command', 'responseCode'] as const).map((name) =>
    name in error ? String(error[name as keyof typeof error]) : '',
  );
  return codes.filter((code) => code !== '').join(' ') || error.name;
}
