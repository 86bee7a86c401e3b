import { createHash, randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { newClientId } from '../../src/auth/client/client-model.ts'
import type { Decision, SignedIn } from '../../src/auth/request/user-interaction.ts'
import { findSession, startSession } from '../../src/storage/account/session.ts'
import {
  type ClientMetadata,
  keepClient,
  type RegisteredClient,
} from '../../src/storage/authorization/client-registration.ts'
import { digestOf, newSecret } from '../../src/storage/secret/secret.ts'
import { openStudies } from '../support/study.ts'

export const base = 'http://localhost:8080'
export const fhir = `${base}/fhir`
export const redirectUri = 'https://app.example.org/back'

export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

const asForm = { 'content-type': 'application/x-www-form-urlencoded' }

/** Two patients, a study of one of them, and staff; apps of all kinds that ask, and people who answer. */
export const openApps = async (...options: Parameters<typeof openStudies>) => {
  const world = await openStudies(...options)
  const { server, database, create } = world
  const lab = await world.institution('lab')
  const kinds = ['omh:heart-rate']
  const study = await world.study(lab.manager, lab.organization, 'hearts', kinds)
  const ann = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Ann')
  const bob = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Bob')
  const account = async (...patients: readonly string[]) => {
    const link = patients.map(patient => ({ target: { reference: `Patient/${patient}` } }))
    return (await create('everything', { resourceType: 'Person', ...(link.length > 0 && { link }) })).id
  }
  const client = async (
    given: Partial<Omit<RegisteredClient, 'metadata'>> & { metadata?: Partial<ClientMetadata> },
  ) => {
    const { metadata, ...rest } = given
    const id = newClientId()
    const secret = newSecret()
    await keepClient(database, {
      id,
      name: 'App',
      policies: [],
      scope: '',
      selfRegistered: false,
      ...rest,
      metadata: {
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'web',
        ...metadata,
      },
      ...(metadata?.token_endpoint_auth_method?.startsWith('client_secret') ? { secretHash: digestOf(secret) } : {}),
    })
    return { id, secret }
  }
  const signIn = async (person: string): Promise<SignedIn> => {
    const cookie = await startSession(database, { person, methods: ['pwd'], device: 'Test' })
    const session = await findSession(database, cookie)
    if (session === undefined) throw new Error('the session is not in force')
    return session
  }
  return {
    ...world,
    newStudy: world.study,
    lab,
    study,
    ann,
    bob,
    account,
    client,
    signIn,
    browser: () => openBrowser(server),
  }
}

export type Asked = Readonly<Record<string, string | undefined>>

/** The query with which an app sends a browser. */
export const authorizeQuery = (client: string, scope: string, challenge: string, more: Asked = {}): URLSearchParams => {
  const asked: Asked = {
    response_type: 'code',
    client_id: client,
    redirect_uri: redirectUri,
    scope,
    state: 'state-of-the-app',
    aud: fhir,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  }
  return new URLSearchParams(
    Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** A person's browser with cookies of its own, signed in on our pages or not. */
const openBrowser = (server: FastifyInstance) => {
  const cookies = new Map<string, string>()
  const header = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const follow = async (request: InjectOptions) => {
    const answer = await server.inject({ ...request, headers: { ...request.headers, cookie: header() } })
    for (const { name, value } of answer.cookies) cookies.set(name, value)
    return answer
  }
  const begin = async (query: URLSearchParams, method: 'GET' | 'POST' = 'GET') => {
    const answer =
      method === 'GET'
        ? await follow({ url: `/oauth/authorize?${query}` })
        : await follow({ method, url: '/oauth/authorize', headers: asForm, payload: query.toString() })
    const location = answer.headers.location ?? ''
    return {
      status: answer.statusCode,
      body: answer.body,
      location,
      id: /\/authorize\/([\w-]+)$/.exec(location)?.[1] ?? '',
    }
  }
  const find = (id: string, who?: SignedIn) => server.authorization.interactions.find(id, header(), who)
  const goOn = async (url: string) => new URL((await follow({ url: url.slice(base.length) })).headers.location ?? '')
  const allow = async (id: string, who: SignedIn, decision: Decision) =>
    goOn(await server.authorization.interactions.allow(id, header(), who, decision))
  const deny = async (id: string, who?: SignedIn) =>
    goOn(await server.authorization.interactions.deny(id, header(), who))
  return { begin, find, allow, deny, follow, header }
}

type TokenAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
  readonly body: any
}

export const tokenRequest = async (
  server: FastifyInstance,
  form: Asked,
  headers: Readonly<Record<string, string>> = {},
  path = '/oauth/token',
): Promise<TokenAnswer> => {
  const payload = new URLSearchParams(
    Object.entries(form).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  ).toString()
  const answer = await server.inject({ method: 'POST', url: path, headers: { ...asForm, ...headers }, payload })
  const text = answer.body
  return {
    status: answer.statusCode,
    headers: answer.headers as Record<string, string>,
    body: text === '' ? undefined : JSON.parse(text),
  }
}
