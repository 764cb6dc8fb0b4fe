import type { CancelReason, OrderLine } from '@sagamart/contracts/events';
import type { Currency } from '@sagamart/contracts/money';
import { messageIdOf, type PendingNotification } from './notification.ts';

export type Mail = {
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};

/** The mail that tells a customer how an order ended, as plain text and as HTML with the same words. */
export function composeMail(notification: PendingNotification): Mail {
  const { subject, heading, paragraphs } = wordsFor(notification);
  return {
    messageId: messageIdOf(notification),
    to: notification.email,
    subject,
    text: textOf(notification, heading, paragraphs),
    html: htmlOf(notification, heading, paragraphs),
  };
}

type Words = { subject: string; heading: string; paragraphs: readonly string[] };

function wordsFor(notification: PendingNotification): Words {
  const shortId = notification.orderId.slice(-8).toUpperCase();
  if (notification.outcome === 'confirmed') {
    return {
      subject: `Your Sagamart order ${shortId} is confirmed`,
      heading: 'Thank you for your order',
      paragraphs: [
        'Your payment went through and everything you ordered has been set aside for you. We are packing it now.',
      ],
    };
  }
  return {
    subject: `Your Sagamart order ${shortId} was cancelled`,
    heading: 'Your order was cancelled',
    paragraphs: [reasonWords[notification.reason], moneyWords(notification)],
  };
}

const reasonWords: Record<CancelReason, string> = {
  out_of_stock: 'We are sorry: something in your order sold out before we could set it aside for you.',
  payment_declined:
    'Your payment was declined, so we have put the goods back on the shelf. You are welcome to try again with another payment method.',
  timed_out:
    'We are sorry: we could not complete your order in time, so we have let it go rather than keep you waiting.',
  customer_cancelled: 'We have cancelled your order, as you asked.',
};

function moneyWords({ reason, confirmedAt }: Extract<PendingNotification, { outcome: 'cancelled' }>): string {
  if (confirmedAt !== null) return 'The full amount is on its way back to you.';
  if (reason === 'out_of_stock' || reason === 'payment_declined') return 'You have not paid anything.';
  return 'If a payment went through, the full amount is on its way back to you.';
}

function textOf(notification: PendingNotification, heading: string, paragraphs: readonly string[]): string {
  const { lines, totalMinor, currency, orderId } = notification;
  return [
    heading,
    ...paragraphs,
    lines.map((line) => `  ${line.quantity} x ${line.name}  ${lineTotal(line, currency)}`).join('\n'),
    `  Total  ${money(totalMinor, currency)}`,
    `Order ${orderId}`,
    signature,
  ].join('\n\n');
}

function htmlOf(notification: PendingNotification, heading: string, paragraphs: readonly string[]): string {
  const { lines, totalMinor, currency, orderId } = notification;
  const rows = lines.map(
    (line) =>
      `<tr><td style="${cell}">${line.quantity} &times; ${escapeHtml(line.name)}</td><td style="${cell};text-align:right">${lineTotal(line, currency)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<body style="margin:0;padding:24px;background:#f6f4ef;color:#26231e;font-family:Georgia,serif">
<div style="max-width:560px;margin:0 auto;padding:32px;background:#ffffff">
<h1 style="margin:0 0 16px;font-size:22px">${heading}</h1>
${paragraphs.map((paragraph) => `<p style="line-height:1.5">${escapeHtml(paragraph)}</p>`).join('\n')}
<table style="width:100%;border-collapse:collapse">
${rows.join('\n')}
<tr><td style="padding:8px 0"><strong>Total</strong></td><td style="padding:8px 0;text-align:right"><strong>${money(totalMinor, currency)}</strong></td></tr>
</table>
<p style="color:#77716a;font-size:13px">Order ${orderId}<br>${signature}</p>
</div>
</body>
</html>
`;
}

const cell = 'padding:8px 0;border-bottom:1px solid #e7e3da';
const signature = 'Sagamart, a small shop';

function lineTotal({ quantity, unitPriceMinor }: OrderLine, currency: Currency): string {
  return money(quantity * unitPriceMinor, currency);
}

// A format is slow to make and quick to use.
const amounts: Record<Currency, Intl.NumberFormat> = {
  EUR: inCurrency('EUR'),
  GBP: inCurrency('GBP'),
  USD: inCurrency('USD'),
};

function inCurrency(currency: Currency): Intl.NumberFormat {
  return new Intl.NumberFormat('en', { style: 'currency', currency });
}

/** Every currency of the shop has two decimals; the division is for the eye only. */
function money(minor: number, currency: Currency): string {
  return amounts[currency].format(minor / 100);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
