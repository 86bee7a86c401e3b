import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { tellAppAllowed } from '../../accounts/app-allowed.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import type { UserInteraction } from '../../auth/request/user-interaction.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Session } from '../../storage/account/session.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { ofAppRequests } from '../page/content-security.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { ticked, typed } from '../page/typed.ts'
import { partsAsked, scopesTicked } from './asked-scope.ts'
import { type AuthorizeState, authorizeContent, type DecisionProblem } from './authorize-form.ts'
import { refuseFrames } from './authorize-in-frame.ts'

/** Where an app's request sends a person's browser, and the person decides what of it to grant. */
export const authorizePage: AddPage = (server, options) => {
  server.get<OfInteraction>('/authorize/:id', { ...ofAppRequests, onRequest: refuseFrames }, async (request, reply) => {
    const found = await findDecision(server, request, reply)
    return found === undefined ? reply : sendDecision(server, options, reply, found, firstState(found))
  })
  server.post<OfInteraction>(
    '/authorize/:id',
    { ...ofAppRequests, config: { isForAnybody: true } },
    async (request, reply) => {
      if (typed(request.body, 'decision') === 'deny') return deny(server, request, reply)
      const found = await findDecision(server, request, reply)
      if (found === undefined) return reply
      const state = stateOf(request.body)
      const outcome = await outcomeOf(server, options, request, found, state)
      switch (outcome.kind) {
        case 'allowed':
          return reply.redirect(outcome.location, 303)
        case 'over':
          return sendOver(reply)
        case 'undecided':
          return sendDecision(server, options, reply, found, { ...state, problem: outcome.problem })
      }
    },
  )
}

type OfInteraction = { Params: { readonly id: string } }

type Found = Extract<UserInteraction, { kind: 'decide' }> & { readonly session: Session }

/** Undefined if something else was answered, because there is nothing to decide, or not for the person who is signed in. */
const findDecision = async (
  server: FastifyInstance,
  { params, headers, session, method }: FastifyRequest<OfInteraction>,
  reply: FastifyReply,
): Promise<Found | undefined> => {
  const found = await server.authorization.interactions.find(params.id, headers.cookie, session)
  switch (found.kind) {
    case 'unknown':
      sendOver(reply)
      return undefined
    case 'allowed':
      reply.redirect(found.location, 303)
      return undefined
    case 'sign-in': {
      const signIn = found.isAnew ? signInAnewFor(found.id) : signInFor(found.id)
      // When they come back, everything is ticked again, so they are told.
      reply.redirect(method === 'POST' ? `${signIn}&unsaved` : signIn, 303)
      return undefined
    }
    case 'other-person':
      sendOtherPerson(reply, found.id)
      return undefined
    case 'decide':
      if (session === undefined) throw new Error('nobody is signed in')
      return { ...found, session }
  }
}

const deny = async (
  server: FastifyInstance,
  { params, headers, session }: FastifyRequest<OfInteraction>,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const location = await server.authorization.interactions.deny(params.id, headers.cookie, session).catch(error => {
    if (codeOf(error) === 'not-found') return undefined
    throw error
  })
  return location === undefined ? sendOver(reply) : reply.redirect(location, 303)
}

type Outcome =
  | { readonly kind: 'allowed'; readonly location: string }
  | { readonly kind: 'over' }
  | { readonly kind: 'undecided'; readonly problem: DecisionProblem | undefined }

const outcomeOf = async (
  server: FastifyInstance,
  { codeClasses, accounts }: PageOptions,
  { body, params, headers }: FastifyRequest<OfInteraction>,
  { session, client, scopes: asked }: Found,
  state: AuthorizeState,
): Promise<Outcome> => {
  // Somebody else may have signed in since the page was shown, in another window of the same browser.
  if (typed(body, 'person') !== session.person) return { kind: 'undecided', problem: 'other-person' }
  if (typed(body, 'decision') !== 'allow') return { kind: 'undecided', problem: undefined }
  const { kinds, patient } = state
  const only = kinds === undefined ? 'all' : codeClasses.kinds().filter(({ key }) => kinds.has(key))
  const scopes = scopesTicked(asked, state.scopes, only)
  if (scopes.every(one => one === 'launch')) return { kind: 'undecided', problem: 'nothing' }
  const decision = { scopes, ...(patient === '' ? {} : { patient }) }
  try {
    const { interactions } = server.authorization
    const location = await interactions.allow(params.id, headers.cookie, session, decision)
    if (scopes.includes('offline_access')) await tellAppAllowed(accounts, session.person, client)
    return { kind: 'allowed', location }
  } catch (error) {
    const outcome = outcomes[codeOf(error) ?? '']
    if (outcome === undefined) throw error
    return outcome
  }
}

const codeOf = (error: unknown): string | undefined => (error instanceof FhirError ? error.issues[0].code : undefined)

/** Outcomes by the code of the error. */
const outcomes: Readonly<Record<string, Outcome>> = {
  required: { kind: 'undecided', problem: 'required' },
  forbidden: { kind: 'undecided', problem: 'forbidden' },
  'not-found': { kind: 'over' },
  conflict: { kind: 'over' },
  'business-rule': { kind: 'undecided', problem: 'other-patient' },
}

const signInFor = (id: string): string => `/sign-in?${new URLSearchParams({ continue: `/authorize/${id}` })}`

const signInAnewFor = (id: string): string => `${signInFor(id)}&prompt=login`

/** Everything that was asked for is ticked until the person decides otherwise. */
const firstState = ({ scopes }: Found): AuthorizeState => ({
  scopes: new Set(partsAsked(scopes).map(({ value }) => value)),
  kinds: undefined,
  patient: '',
  name: '',
  problem: undefined,
})

const stateOf = (body: unknown): AuthorizeState => {
  const decision = typed(body, 'decision')
  const isByKind = decision === 'some-kinds' || (typed(body, 'kinds') === 'some' && decision !== 'all-kinds')
  return {
    scopes: new Set(ticked(body, 'scope')),
    kinds: isByKind ? new Set(ticked(body, 'kind')) : undefined,
    patient: typed(body, 'patient'),
    name: typed(body, 'name'),
    problem: undefined,
  }
}

const sendDecision = async (
  server: FastifyInstance,
  { accounts, codeClasses }: PageOptions,
  reply: FastifyReply,
  found: Found,
  state: AuthorizeState,
): Promise<FastifyReply> => {
  const { choices } = server.authorization.interactions
  const { session, client, patients } = found
  const { person } = session
  const isOwn = typeof patients === 'object' && (await choices.only(person, client.id)) === patients.given
  const words = wordsOf(reply.request)
  return sendTranslatedPage(reply.code(state.problem === undefined ? 200 : statusOf[state.problem]), words, {
    title: words.say('allow.title', { app: client.name }),
    isProblem: state.problem !== undefined,
    content: authorizeContent({
      ...found,
      words,
      token: ownToken(reply),
      classes: codeClasses,
      who: {
        person,
        name: await nameOfPerson(accounts.openStoreAs, person),
        email: (await findAccountOf(accounts.database, person))?.email,
      },
      signInAs: signInAnewFor(found.id),
      whose: isOwn ? 'own' : 'patient',
      about:
        typeof patients === 'object' && !isOwn ? await choices.findOne(person, client.id, patients.given) : undefined,
      choices: patients === 'choose' ? await choices.find(person, client.id, state.name) : undefined,
      state,
    }),
  })
}

const statusOf = { nothing: 422, required: 422, forbidden: 403, 'other-person': 403, 'other-patient': 409 } as const

const sendOver = (reply: FastifyReply): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply.code(410), words, {
    title: say('allow.over'),
    content: html`<h1>${say('allow.over')}</h1>
<p>${say('allow.over-text')}</p>
<p><a href="/account">${say('email.to-account')}</a></p>`,
  })
}

const sendOtherPerson = (reply: FastifyReply, id: string): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply.code(403), words, {
    title: say('allow.opened'),
    content: html`<h1>${say('allow.opened')}</h1>
<p>${say('allow.opened-text')}</p>
<p><a href="${signInAnewFor(id)}">${say('allow.other')}</a></p>`,
  })
}
