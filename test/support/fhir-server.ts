import type { FastifyInstance, InjectOptions } from 'fastify'
import type { ClientPolicy } from '../../src/access/caller.ts'
import { buildApp, type Work } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/events/log.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { issueToken, type TokenRequest } from '../../src/storage/authorization/token.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { type TestDatabase, withDatabase } from './database.ts'

/** The whole server with a database of its own; `inject` knows a few callers by name, all others by token. */
export const fhirServer = async (): Promise<FastifyInstance> => (await fhirWorld()).server

/** The same, with what a test needs to make tokens and to look behind the API. */
export const fhirWorld = async (environment: Readonly<Record<string, string>> = {}, work?: Work) =>
  fhirWorldOver(await withDatabase(), environment, work)

/** The same with a database that has content already; closing the server closes it. */
export const fhirWorldOver = async (
  { url, close }: TestDatabase,
  environment: Readonly<Record<string, string>> = {},
  work?: Work,
) => {
  const database = openDatabase(url)
  const config = readConfig({ LOG_LEVEL: 'silent', ...environment })
  const secretKey = Buffer.alloc(32, 7)
  const open = (doing = work) => {
    const log = openLog(config.logLevel)
    return buildApp({ config, log, databaseUrl: url, secretKey, ...(doing === undefined ? {} : { work: doing }) })
  }
  const server = await open()
  server.addHook('onClose', async () => {
    await database.close()
    await close()
  })
  const token = (request: Partial<TokenRequest> & Pick<TokenRequest, 'subject' | 'scope'>) =>
    issueToken(database, { client: 'cli', ttlSeconds: 3600, ...request })
  knowByName(server, {
    everything: await clientToken(database, 'importer', 'system/*.cruds'),
    other: await clientToken(database, 'other', 'system/*.cruds'),
    reader: await clientToken(database, 'reader', 'system/Patient.r'),
  })
  return { server, database, url, token, open }
}

const clientToken = async (database: Database, client: string, scope: string): Promise<string> => {
  await registerClient(database, { id: client, name: client, policies: [] })
  const policies: readonly ClientPolicy[] = ['everything']
  return issueToken(database, { subject: { kind: 'client' }, client, scope, policies, ttlSeconds: 3600 })
}

/** `Bearer everything` in an injected request stands for that caller's token. */
const knowByName = (server: FastifyInstance, tokens: Readonly<Record<string, string>>): void => {
  const inject = server.inject.bind(server) as (options: InjectOptions) => ReturnType<FastifyInstance['inject']>
  const named = (options: InjectOptions | string) => {
    if (typeof options === 'string') return inject({ url: options })
    const { authorization } = (options.headers ?? {}) as { readonly authorization?: string }
    const token = tokens[authorization?.replace('Bearer ', '') ?? '']
    return inject(
      token === undefined ? options : { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } },
    )
  }
  server.inject = named as FastifyInstance['inject']
}
