/** Whether refusals are believed whose words are used both for a mailbox that is not there and for a sender that is not wanted. */
export type Doubts = {
  /** A mail to this address was taken: our sender is wanted. */
  taken: (address: string) => void;
  /** Whether this address is refused for its own sake: a mail was taken after it was first refused, or it is the only one refused since the last. */
  isBelieved: (address: string) => boolean;
};

export function createDoubts(): Doubts {
  let mailsTaken = 0;
  /** The addresses that were refused, with the number of mails taken until then. */
  const refusedAt = new Map<string, number>();
  return {
    taken: (address) => {
      mailsTaken += 1;
      refusedAt.delete(address);
    },
    isBelieved: (address) => {
      const before = refusedAt.get(address);
      if (before !== undefined && before < mailsTaken) return true;
      const [oldest] = refusedAt.keys();
      if (refusedAt.size >= addressesMax && oldest !== undefined) refusedAt.delete(oldest);
      refusedAt.set(address, mailsTaken);
      return [...refusedAt.values()].filter((at) => at === mailsTaken).length === 1;
    },
  };
}

// Of more the oldest is forgotten, and would be doubted anew.
const addressesMax = 1_000;
