import pg from 'pg'

/**
 * Settings by which a connection counts as lost if its other end is gone without a word: the machine failed, its address moved, or a firewall forgot
 * the connection. TCP alone retransmits for a quarter of an hour, and waits for an answer for ever.
 */
export const endedBySilence = (answerTimeoutMs: number) => ({
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  query_timeout: answerTimeoutMs,
})

/**
 * The class of connections whose other end has so long to let them in: a hung database, or a proxy in front of none, takes a connection and says
 * nothing. The pool's own limit would also count the time for which a request waits until a connection is free.
 */
export const letInWithin = (connectTimeoutMs: number) =>
  class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionTimeoutMillis: connectTimeoutMs })
    }
  }
