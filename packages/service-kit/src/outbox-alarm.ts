import type { Pool } from 'pg';
import { readUnpublished } from './database-metrics.ts';
import type { Reader } from './database.ts';
import type { ReadinessCheck } from './http-app.ts';
import type { OutboxSlot } from './outbox-slot.ts';

/** Debezium confirms every 2 s and writes a heartbeat every 5: who was not heard of for so long has missed two. */
const silenceSecondsMax = 12;

type Publishing = {
  state: OutboxSlot['state'];
  slotName: string | null;
  /** Since when nobody has read the slot; null while somebody does. */
  unreadSeconds: number | null;
  /** Null before the first heartbeat. */
  beatSeconds: number | null;
};

/** An alarm for /readyz while what this service says does not reach Kafka, or could not: by the slot, Debezium's heartbeat, and what waits in the outbox. */
export function outboxAlarm(pool: Pool): ReadinessCheck {
  return {
    name: 'outbox',
    check: async () => {
      const publishing = await readPublishing(pool);
      const { slotName } = publishing;
      const waiting = slotName === null ? undefined : await readUnpublished(pool, slotName);
      const faults = [
        ...faultsOf(publishing),
        ...(waiting !== undefined && waiting.oldestAgeSeconds > silenceSecondsMax
          ? [`events waiting: ${waiting.rows}, the first for ${Math.round(waiting.oldestAgeSeconds)} s`]
          : []),
      ];
      return faults.length === 0 ? null : `outbox not published: ${faults.join(', ')} (npm run stack -- status)`;
    },
  };
}

function faultsOf({ state, unreadSeconds, beatSeconds }: Publishing): string[] {
  if (state !== 'sound') return [`its slot is ${state.replace('_', ' ')} (npm run stack -- heal)`];
  if (unreadSeconds !== null && unreadSeconds > silenceSecondsMax)
    return [`nobody has read its slot for ${unreadSeconds} s`];
  const isSilent = beatSeconds !== null && beatSeconds > silenceSecondsMax;
  return isSilent ? [`Debezium was last heard of ${beatSeconds} s ago`] : [];
}

async function readPublishing(reader: Reader): Promise<Publishing> {
  const { rows } = await reader.query<Publishing>({
    name: 'read-publishing',
    text: `
      select coalesce(known.state, 'unknown') as state, slot.slot_name as "slotName",
        extract(epoch from clock_timestamp() - slot.inactive_since)::int as "unreadSeconds",
        (select extract(epoch from clock_timestamp() - beat_at)::int from debezium_heartbeat) as "beatSeconds"
      from (values (1)) as one
      left join outbox_slot_state known on true
      left join pg_replication_slots slot on slot.slot_name = known.slot_name and slot.database = current_database()`,
  });
  return rows[0] ?? { state: 'unknown', slotName: null, unreadSeconds: null, beatSeconds: null };
}
