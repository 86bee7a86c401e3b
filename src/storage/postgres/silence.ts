/**
 * Settings of a connection that take it for lost where its other end is gone without a word: its machine failed, its address
 * moved, a firewall forgot it. TCP alone sends again for a quarter of an hour, and waits for an answer for ever.
 */
export const endedBySilence = (answerTimeoutMs: number) => ({
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  query_timeout: answerTimeoutMs,
})
