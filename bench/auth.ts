import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'
import { openCallers } from '../src/storage/authorization/callers.ts'
import { keepClient } from '../src/storage/authorization/client-registration.ts'
import { findToken, issueToken } from '../src/storage/authorization/token.ts'
import { type Database, openDatabase } from '../src/storage/database.ts'
import { openApi } from './api.ts'
import { driveLoad, figuresOf } from './load.ts'
import { percentile, timed } from './percentile.ts'
import type { Report } from './report.ts'
import type { BenchServer } from './server.ts'

type Options = { readonly connections: number; readonly seconds: number }

/**
 * How much of a read by id is spent looking up the token. Both are measured in turn with the same token: as a server does it that remembers for
 * a moment what it found, and as it does it the first time. Then backend services ask for tokens, each request with an assertion that its client
 * signs meanwhile (ES384, on the same processors).
 */
export const benchAuth = async (server: BenchServer, { connections, seconds }: Options): Promise<Report> => {
  const database = openDatabase(server.databaseUrl, { poolSize: 2 })
  try {
    const { readMs, lookUpMs, askedMs, reads } = await compareLookUp(server, database, seconds)
    const backend = await registerBackend(server, database)
    const tokens = await driveLoad(
      Array.from({ length: connections }, () => () => askToken(backend)),
      { seconds, warmUpSeconds: seconds / 3 },
    )
    const share = (100 * lookUpMs) / readMs
    return {
      bench: 'auth',
      figures: {
        reads,
        readMeanMs: readMs,
        lookUpMeanMs: lookUpMs,
        lookUpPercent: share,
        notKeptMeanMs: askedMs,
        ...figuresOf('token', tokens),
      },
      aims: [{ name: 'looking up a token takes less than 5 % of a read', isMet: share < 5 }],
      bars: [{ name: 'nothing goes wrong', isMet: tokens.errors === 0 }],
    }
  } finally {
    await database.close()
  }
}

const compareLookUp = async (server: BenchServer, database: Database, seconds: number) => {
  const whole = await server.as({ kind: 'client' }, 'system/*.cruds', { policies: ['everything'] })
  const { id } = JSON.parse(await whole.post('/Patient', JSON.stringify({ resourceType: 'Patient', active: true })))
  whole.close()
  const subject = { kind: 'patient', patient: id } as const
  const bearer = await issueToken(database, { subject, client: 'cli', scope: 'patient/*.rs', ttlSeconds: 3600 })
  const api = openApi(`${server.origin}/fhir`, bearer)
  const callers = openCallers(database)
  const [read, lookedUp, asked]: [number[], number[], number[]] = [[], [], []]
  const ends = performance.now() + seconds * 1000
  while (performance.now() < ends) {
    read.push(await timed(() => api.get(`/Patient/${id}`)))
    lookedUp.push(await timed(() => callers.find(bearer)))
    asked.push(await timed(() => findToken(database, bearer)))
  }
  api.close()
  return { readMs: trimmedMean(read), lookUpMs: mean(lookedUp), askedMs: trimmedMean(asked), reads: read.length }
}

const mean = (measured: readonly number[]): number => measured.reduce((sum, one) => sum + one, 0) / measured.length

/** Without the slowest hundredth, so that the share of the look-up does not seem small because the machine was busy. */
const trimmedMean = (measured: readonly number[]): number => {
  const limit = percentile(measured, 0.99)
  return mean(measured.filter(one => one <= limit))
}

type Backend = { readonly client: string; readonly tokenUrl: string; readonly privateKey: KeyObject }

const registerBackend = async ({ origin }: BenchServer, database: Database): Promise<Backend> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const client = randomUUID()
  await keepClient(database, {
    id: client,
    name: 'Bench',
    policies: [],
    scope: 'system/*.rs',
    selfRegistered: false,
    metadata: {
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] },
    },
  })
  const { token_endpoint } = JSON.parse(await (await fetch(`${origin}/.well-known/smart-configuration`)).text())
  return { client, privateKey, tokenUrl: token_endpoint }
}

const kid = 'bench'

/** The limit for each address is not what is measured, so each request comes from its own address. */
const anyAddress = (): string => `10.${[...randomBytes(3)].join('.')}`

const askToken = async ({ client, tokenUrl, privateKey }: Backend): Promise<void> => {
  const part = (said: object) => Buffer.from(JSON.stringify(said)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 240
  const claims = { iss: client, sub: client, aud: tokenUrl, exp, jti: randomUUID() }
  const text = `${part({ alg: 'ES384', typ: 'JWT', kid })}.${part(claims)}`
  const signature = sign('sha384', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    headers: { 'x-forwarded-for': anyAddress() },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'system/Observation.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${text}.${signature.toString('base64url')}`,
    }),
  })
  const body = await answer.text()
  if (answer.status !== 200) throw new Error(`the token endpoint answered ${answer.status}: ${body}`)
}
