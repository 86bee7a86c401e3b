import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp, type Work } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/events/log.ts'
import type { openWire } from './wire.ts'

/** The whole server with a wire between it and the database of a test; both end with the test. */
export const serverOver = async (
  t: Pick<Test, 'teardown'>,
  wire: Awaited<ReturnType<typeof openWire>>,
  work?: Work,
): Promise<FastifyInstance> => {
  const server = await buildApp({
    config: readConfig({ LOG_LEVEL: 'silent' }),
    log: openLog('silent'),
    databaseUrl: wire.address,
    secretKey: Buffer.alloc(32, 7),
    ...(work && { work }),
  })
  t.teardown(async () => {
    await server.close()
    wire.end()
  })
  return server
}
