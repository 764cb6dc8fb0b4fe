/**
 * Whom a mail server's refusal is about. `mailbox`: theirs, for good. `perhaps_mailbox`: most likely theirs, but the same words are used for a sender that
 * is not wanted. `us`: our sender, our login, our words, our ways; a person has to look. `moment`: it may pass by itself.
 */
export type About = 'mailbox' | 'perhaps_mailbox' | 'us' | 'moment';

/** A failed step of a mail: what was asked, and the answer where there was one. Several lines of an answer are separated by line breaks. */
export type FailedStep = { readonly command: string; readonly response: string };

/** Reads a reply (RFC 5321) and the enhanced code in it (RFC 3463), which says more. */
export function judgeReply({ command, response }: FailedStep): About {
  const [, code = '', enhanced = ''] = replyPattern.exec(response) ?? [];
  if (!code.startsWith('5')) return 'moment';
  // Until a recipient was named nothing can be about one.
  if (command !== 'RCPT TO' && command !== 'DATA') return 'us';
  // A class that contradicts its code says nothing.
  if (enhanced.startsWith('5.')) return judgeEnhanced(enhanced, command);
  return command === 'RCPT TO' && mailboxCodes.has(code) ? 'perhaps_mailbox' : 'us';
}

/** The code of a reply with the enhanced one, such as `550 5.7.1`: safe to log, for the words may repeat an address. */
export function codesOf(response: string): string {
  const [, code = '', enhanced = ''] = replyPattern.exec(response) ?? [];
  return [code, enhanced].filter((part) => part !== '').join(' ');
}

const replyPattern = /^(\d{3})(?:[ -](?:(\d\.\d{1,3}\.\d{1,3})\b)?|$)/m;

function judgeEnhanced(enhanced: string, command: string): About {
  if (mailboxStatuses.has(enhanced)) return 'mailbox';
  return command === 'RCPT TO' && vagueStatuses.has(enhanced) ? 'perhaps_mailbox' : 'us';
}

// Wrong syntax, no such mailbox, moved elsewhere, no such name.
const mailboxCodes = new Set(['501', '550', '551', '553']);

/** RFC 3463, 3886, 7293, 7505: bad mailbox, system, syntax; moved; null MX; disabled, full; no route to it; owner of mailbox or domain has changed. */
const mailboxStatuses = new Set([
  ...['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10'],
  ...['5.2.1', '5.2.2', '5.4.4', '5.7.17', '5.7.18'],
]);

/** "Other", ambiguous, and what widely used servers say of an unknown recipient. */
const vagueStatuses = new Set(['5.0.0', '5.1.0', '5.1.4', '5.2.0', '5.4.1']);
