/**
 * Settings by which a connection counts as lost if its other end is gone without a word: the machine failed, its address moved, or a firewall forgot
 * the connection. TCP alone retransmits for a quarter of an hour, and waits for an answer for ever.
 */
export const endedBySilence = (answerTimeoutMs: number) => ({
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  query_timeout: answerTimeoutMs,
})
