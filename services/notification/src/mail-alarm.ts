import type { ReadinessCheck } from '@sagamart/service-kit/http-app';
import type { Pool } from 'pg';
import { findEscalations } from './escalation-store.ts';

/** An alarm while mails are refused for our sake, or were not taken for a minute: trying again may not help, so somebody has to look. */
export function mailAlarm(pool: Pool): ReadinessCheck {
  return {
    name: 'mail',
    check: async () => {
      const open = await findEscalations(pool);
      if (open === null) return null;
      const { mails, since, orderId } = open;
      return `the mail server does not take what it is given (npm run notifications): mails waiting ${mails}, since ${since.toISOString()}, first of order ${orderId}`;
    },
  };
}
