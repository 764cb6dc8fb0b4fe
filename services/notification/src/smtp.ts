import { createTransport } from 'nodemailer';
import type { Mail } from './mail.ts';
import { codesOf, judgeReply } from './smtp-reply.ts';

/** The way to the mail server. */
export type Mailer = {
  /**
   * Fulfilled when the server has taken the mail; rejects with MailRefused when it will never take mail for this address, with MailBlocked when it
   * refuses it for our sake, else with MailNotTaken: then it may have been taken all the same.
   */
  send(mail: Mail): Promise<void>;
  close(): void;
};

/** The mail server did not say that it took a mail. The message has codes only, and there is no cause: the server's words may repeat the address. */
export class MailNotTaken extends Error {
  override readonly name: string = 'MailNotTaken';
  // Not a field that a log would print.
  readonly #words: string;

  constructor(codes: string, words = codes) {
    super(codes);
    this.#words = words;
  }

  /** What the server said, as it said it. For operators, never for logs. */
  get words(): string {
    return this.#words;
  }
}

/** The mail server refuses our sender, our login, our words or our ways: it may take the mail when a person has changed them, there or here. */
export class MailBlocked extends MailNotTaken {
  override readonly name = 'MailBlocked';
}

/**
 * The mail server refuses the address itself, for good. Trying again would get the same answer (RFC 5321, section 4.2.1). Not `isCertain` where a
 * sender that is not wanted may have got it too.
 */
export class MailRefused extends MailNotTaken {
  override readonly name = 'MailRefused';
  readonly isCertain: boolean;

  constructor(codes: string, words = codes, isCertain = true) {
    super(codes, words);
    this.isCertain = isCertain;
  }
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
        throw refusalOf(error);
      }
    },
    close: () => transport.close(),
  };
}

type SmtpError = Error & { code?: unknown; command?: unknown; responseCode?: unknown; response?: unknown };

function refusalOf(error: unknown): MailNotTaken {
  if (!(error instanceof Error)) return new MailNotTaken('unknown', String(error));
  const { code, command = '', response = '' }: SmtpError = error;
  const step = { command: String(command), response: String(response) };
  const codes = [code, command, codesOf(step.response)].filter((part) => typeof part === 'string' && part !== '');
  const summary = codes.join(' ') || error.name;
  // No server was asked: nodemailer itself does not know how to write to this address.
  if (code === 'EENVELOPE' && step.response === '') return new MailBlocked(summary, error.message);
  const words = step.response === '' ? error.message : `${step.command}: ${step.response}`;
  const about = judgeReply(step);
  switch (about) {
    case 'mailbox':
    case 'perhaps_mailbox':
      return new MailRefused(summary, words, about === 'mailbox');
    case 'us':
      return new MailBlocked(summary, words);
    case 'moment':
      return new MailNotTaken(summary, words);
    default:
      return about satisfies never;
  }
}
