import type { FastifyInstance } from 'fastify'
import { refuseOtherMethods } from './other-methods.ts'

export type HealthOptions = {
  /** Whether the database answers, has all migrations, and has room on its disk. */
  readonly isReady: () => Promise<boolean>
}

/** `/healthz`: the process is alive. `/readyz`: it can do its work. */
export const healthRoutes = async (server: FastifyInstance, { isReady }: HealthOptions): Promise<void> => {
  server.get('/healthz', async () => ({ status: 'ok' }))
  server.get('/readyz', async (_request, reply) => {
    const ready = await Promise.race([isReady().catch(() => false), soon()])
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'unavailable' })
  })
  for (const path of ['/healthz', '/readyz']) refuseOtherMethods(server, path, ['GET'])
}

const soon = (): Promise<false> => new Promise(resolve => setTimeout(resolve, patienceMs, false).unref())
const patienceMs = 3000
