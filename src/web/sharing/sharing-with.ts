import type { FastifyReply, FastifyRequest } from 'fastify'
import { isBlank } from '../../fhir/blank.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import {
  type CareAsked,
  digestOfCare,
  findCareAsked,
  type OfPerson,
  ofWhom,
  recordsOf,
} from '../../studies/consent/care-asked.ts'
import { endCare, signCare } from '../../studies/consent/care-consent.ts'
import type { Carer } from '../../studies/consent/care-draft.ts'
import { answerShown } from '../../studies/consent/own-study.ts'
import { untilWritten } from '../../studies/consent/until-written.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { wordsOf } from '../page/translated-page.ts'
import { longForm, typed } from '../page/typed.ts'
import { careAddress, careState, withUnsaid } from './care-form.ts'
import { sendCarePreview } from './care-preview.ts'
import { type CareChanges, sendCare, sendNobody, sendWhose } from './care-shown.ts'
import { openKeptChoices } from './kept-choices.ts'
import { typedChoices } from './sharing-choice.ts'

type OfCarer = { readonly Params: { readonly id: string } }

/** With whom a patient shares for their care, without a study: who it is, what they share with them, and how to sign or to stop it. */
export const sharingWithPages: AddPage = (server, options) => {
  for (const kind of ['practitioner', 'organization'] as const) addPages(kind)(server, options)
}

const addPages =
  (kind: Carer['kind']): AddPage =>
  (server, options) => {
    const keptChoices = openKeptChoices(options)
    const at = `/sharing/with/${kind}/:id`
    const carerOf = ({ params }: FastifyRequest<OfCarer>): Carer => ({ kind, id: params.id })
    server.get<OfCarer>(at, { onRequest: requireSession }, async (request, reply) => {
      const words = wordsOf(request)
      const query = queryOf(request)
      const { found, kept } = await findOpened(request, reply, { options, keptChoices, carer: carerOf(request) })
      if (found.kind !== 'asked') return sendNone(reply, words, found)
      const { asked } = found
      if (kept !== undefined && asked.grantee.isActive)
        return sendCare(reply, asked, words, { ...chosenIn(kept, asked, words, ['page', 'preview']), isKept: true })
      const state = careState(asked, query.get('timezone') ?? '')
      return sendCare(reply, asked, words, { state, done: query.get('done') ?? '' })
    })
    const withKept = { ...keptChoices.requireSession, ...longForm }
    server.post<OfCarer>(at, withKept, (request, reply) => showChosen(request, reply, options, carerOf(request)))
    server.post<OfCarer>(`${at}/sign`, withKept, async (request, reply) => {
      // If something is changed at that moment, what is there now is compared with what the patient has read.
      for (;;) {
        const answer = await signOnce(request, reply, { options, keptChoices, carer: carerOf(request) })
        if (answer !== 'changed') return answer
      }
    })
    server.post<OfCarer>(`${at}/decline`, { onRequest: requireSession, ...longForm }, async (request, reply) => {
      const ended = await untilWritten(async () => {
        const found = await findAsked(request, options, { carer: carerOf(request) })
        if (found.kind === 'asked') await endCare(found.asked)
        return found
      })
      if (ended.kind !== 'asked') return sendNone(reply, wordsOf(request), ended)
      keptChoices.forget(request, reply)
      return reply.redirect(careAddress(ended.asked, { done: 'stopped' }), 303)
    })
  }

/** What the choices mean, or what is wrong with them. */
const showChosen = async (
  request: FastifyRequest<OfCarer>,
  reply: FastifyReply,
  options: PageOptions,
  carer: Carer,
): Promise<FastifyReply> => {
  const words = wordsOf(request)
  const found = await findAsked(request, options, { carer })
  if (found.kind !== 'asked') return sendNone(reply, words, found)
  const { asked } = found
  const chosen = chosenIn(request.body, asked, words)
  if (typed(request.body, 'change') === 'yes') return sendCare(reply, asked, words, { ...chosen, isChanged: false })
  if (chosen.kind === 'problems') return sendCare(reply.code(422), asked, words, { ...chosen, isChanged: false })
  return isToRead(chosen) || !asked.grantee.isActive
    ? sendCare(reply.code(409), asked, words, chosen)
    : sendCarePreview(reply, asked, words, chosen)
}

type Found =
  | { readonly kind: 'asked'; readonly asked: CareAsked }
  | { readonly kind: 'whose'; readonly carer: Carer; readonly people: readonly OfPerson[] }
  | { readonly kind: 'nobody' }

type Wanted = { readonly carer: Carer; readonly record?: string }

const findAsked = async (
  request: FastifyRequest<OfCarer>,
  options: PageOptions,
  { carer, record = typed(request.body, 'record') }: Wanted,
): Promise<Found> => {
  const { person } = sessionOf(request)
  const people = await recordsOf(options, person)
  const isOne = people.length === 1
  const chosen = await ofWhom(options, { person, people, named: record })
  const of = chosen ?? (isOne ? undefined : people[0])
  if (of === undefined) return { kind: 'nobody' }
  const asked = await findCareAsked(options, { ...of, isOne }, carer, wordsOf(request))
  if (asked === undefined) return { kind: 'nobody' }
  return chosen === undefined ? { kind: 'whose', carer, people } : { kind: 'asked', asked }
}

/** With what they chose before their session ended. If that was for somebody for whom they act no more, it is forgotten. */
const findOpened = async (
  request: FastifyRequest<OfCarer>,
  reply: FastifyReply,
  { options, keptChoices, carer }: Parts,
): Promise<{ readonly found: Found; readonly kept?: unknown }> => {
  const named = queryOf(request).get('record')
  const kept = await keptChoices.find(request, reply, sessionOf(request).person)
  const found = await findAsked(request, options, { carer, record: named ?? typed(kept, 'record') })
  if (kept === undefined || named !== null || found.kind !== 'nobody') return { found, kept }
  keptChoices.forget(request, reply)
  return { found: await findAsked(request, options, { carer, record: '' }) }
}

const sendNone = (reply: FastifyReply, words: Words, found: Exclude<Found, { kind: 'asked' }>): FastifyReply =>
  found.kind === 'nobody'
    ? sendNobody(reply, words)
    : sendWhose(reply.request.method === 'POST' ? reply.code(409) : reply, found.carer, words, found.people)

type Parts = {
  readonly options: PageOptions
  readonly keptChoices: ReturnType<typeof openKeptChoices>
  readonly carer: Carer
}

/** Answers `changed`, and has signed nothing, if the grantee was written at that moment, or an app proposed something, which is no answer. */
const signOnce = async (
  request: FastifyRequest<OfCarer>,
  reply: FastifyReply,
  { options, keptChoices, carer }: Parts,
): Promise<FastifyReply | 'changed'> => {
  const words = wordsOf(request)
  const found = await findAsked(request, options, { carer })
  if (found.kind !== 'asked') return sendNone(reply, words, found)
  const { asked } = found
  const chosen = chosenIn(request.body, asked, words, ['preview'])
  const { name } = chosen
  if (chosen.kind === 'problems') return sendCare(reply.code(422), asked, words, { ...chosen, isChanged: false })
  // People must have read what they sign, and know what they have answered, so what has changed is shown first.
  if (isToRead(chosen) || !asked.grantee.isActive) return sendCare(reply.code(409), asked, words, chosen)
  if (isBlank(name) || name.length > 200)
    return sendCarePreview(reply.code(422), asked, words, { ...chosen, isUnsigned: true })
  const done = await signCare(asked, chosen.choices, name)
  if (done === 'changed') return done
  if (done === 'overtaken') {
    const now = await findAsked(request, options, { carer })
    if (now.kind === 'asked' && now.asked.consent?.status === 'proposed') return 'changed'
  }
  keptChoices.forget(request, reply)
  return reply.redirect(careAddress(asked, { done, timezone: chosen.state.timezone }), 303)
}

/** The choices as they were sent, and what has changed since. `from`: the page that has the form. A preview tells as well what exactly is shared, with the name of each device. */
const chosenIn = (body: unknown, asked: CareAsked, words: Words, from: readonly ('page' | 'preview')[] = ['page']) => {
  const chosen = typedChoices(withUnsaid(body, asked), asked, words)
  const isOtherLanguage = (typed(body, 'language') || words.code) !== words.code
  const digests = {
    page: digestOfCare(asked),
    preview: digestOfCare(asked, chosen.kind === 'chosen' ? chosen.choices : []),
  }
  return {
    ...chosen,
    isOtherLanguage,
    isOtherAnswer: typed(body, 'answer') !== answerShown({ consent: asked.consent, deleted: undefined }),
    // In another language every word is another, which says nothing of what has changed.
    isChanged: !isOtherLanguage && from.every(one => digests[one] !== typed(body, 'shown')),
    name: typed(body, 'name').trim(),
  }
}

/** Whether the page has to be read again, with the text to sign. */
const isToRead = ({ isChanged, isOtherAnswer, isOtherLanguage }: CareChanges): boolean =>
  isChanged === true || isOtherAnswer === true || isOtherLanguage === true
