import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply } from 'fastify'
import { languageName } from '../../fhir/language.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import {
  displayOf,
  findSources,
  type Reason,
  requestName,
  requestsOf,
  type StudyRequest,
  withoutRequest,
  withRequest,
} from '../../studies/definition/study-request.ts'
import { furtherLanguages, ownLanguage, translatedReason } from '../../studies/definition/study-words.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { field, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { typed } from '../page/typed.ts'
import { worded } from '../page/wording.ts'
import { changing, justDone, notDone, notSaved, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'
import { reasonFields, reasonProblems, typedReason } from './study-reason.ts'

/** The kinds of data that a study asks for, from which sources, and why. */
export const studyDataPage: AddPage = (server, options) => {
  const { codeClasses, registry } = options
  const onRequest = requireSession
  const at = '/studies/:id/settings/data'

  server.get<OfStudy>(at, { onRequest }, async (request, reply) =>
    sendData(reply, options, await studyOf(request, options, 'mayChange'), { done: justDone(request) }),
  )
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const one = typedRequest(request.body, changeable)
    const sources = await findSources(changeable.store, registry)
    const problems = problemsOf(one, requestsOf(changeable.study, codeClasses), sources, codeClasses)
    if (Object.keys(problems).length > 0)
      return sendData(reply.code(422), options, changeable, { typed: one, problems })
    const asked = { ...one, source: one.source === '' ? undefined : one.source }
    const outcome = await changing(request, options, changeable, study => withRequest(study, asked, codeClasses))
    return outcome.kind === 'changed'
      ? reply.redirect(`${dataAddress(changeable)}?done=added`, 303)
      : sendData(reply.code(409), options, outcome.now, { typed: one, notices: notSaved })
  })
  server.post<OfStudy>(`${at}/remove`, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const name = typed(request.body, 'request')
    const one = requestsOf(changeable.study, codeClasses).find(each => requestName(each) === name)
    if (one === undefined) return sendData(reply.code(409), options, changeable, { notices: notDone })
    const outcome = await changing(request, options, changeable, study => withoutRequest(study, one))
    return outcome.kind === 'changed'
      ? reply.redirect(`${dataAddress(changeable)}?done=removed`, 303)
      : sendData(reply.code(409), options, outcome.now, { notices: notDone })
  })
}

const dataAddress = ({ id }: ChangeableStudy): string => `/studies/${id}/settings/data`

/** As it was typed; `kind` is empty if none was chosen, and `source` for any. */
type NewRequest = Reason & { readonly kind: string; readonly source: string }

const english = wordsFor('en')

const nothingTyped: NewRequest = { kind: '', source: '', reason: '', translations: [] }

const typedRequest = (body: unknown, { study }: ChangeableStudy): NewRequest => ({
  kind: typed(body, 'kind'),
  source: typed(body, 'source'),
  ...typedReason(body, furtherLanguages(study)),
})

type Problems = Readonly<Record<string, string | undefined>>

type Source = { readonly id: string; readonly name: string; readonly isRetired: boolean }

const problemsOf = (
  { kind, source, ...reason }: NewRequest,
  requests: readonly StudyRequest[],
  sources: readonly Source[],
  codeClasses: CodeClasses,
): Problems => {
  const isAsked = requests.some(
    one => one.kind === kind && (source === '' ? one.sources.length === 0 : one.sources.includes(source)),
  )
  return {
    ...(!codeClasses.kinds().some(({ key }) => key === kind) && { kind: 'Choose a kind of data' }),
    ...(isAsked && { kind: 'The study already asks for this' }),
    ...(source !== '' &&
      !sources.some(one => one.id === source && !one.isRetired) && { source: 'Choose a source from the list' }),
    ...reasonProblems(reason),
  }
}

type Shown = {
  readonly typed?: NewRequest
  readonly problems?: Problems
  readonly notices?: Html
  readonly done?: Html | undefined
}

const sendData = async (
  reply: FastifyReply,
  { codeClasses, registry }: PageOptions,
  changeable: ChangeableStudy,
  { typed: one = nothingTyped, problems = {}, notices, done }: Shown,
): Promise<FastifyReply> => {
  const sources = await findSources(changeable.store, registry)
  const { kind, source } = choiceFields(one, problems, sources, codeClasses)
  const reasons = reasonFields(one, problems, changeable.study)
  return sendChangePage(reply, changeable, {
    title: 'Data that the study asks for',
    action: dataAddress(changeable),
    notices: html`${done}${notices}${problemList([kind, source, ...reasons])}`,
    before: html`${listed(changeable, sources, codeClasses, ownToken(reply))}
<h2>Ask for more data</h2>
<p>Each patient is asked for it, and nothing of it is shared until they agree. If the study already has a text, patients are asked once you have published a version that names it.</p>`,
    fields: [selectField(kind), selectField(source), ...reasons.map(field)],
    button: 'Add',
  })
}

const choiceFields = (one: NewRequest, problems: Problems, sources: readonly Source[], codeClasses: CodeClasses) => ({
  kind: {
    name: 'kind',
    label: 'Kind of data',
    value: one.kind,
    problem: problems.kind,
    choices: [
      { value: '', label: 'Choose one' },
      ...codeClasses.kinds().map(({ key, display }) => ({ value: key, label: display })),
    ],
  },
  source: {
    name: 'source',
    label: 'Source',
    value: one.source,
    problem: problems.source,
    choices: [
      { value: '', label: 'Any device or app' },
      ...sources.filter(({ isRetired }) => !isRetired).map(({ id, name }) => ({ value: id, label: name })),
    ],
  },
})

const listed = (
  changeable: ChangeableStudy,
  sources: readonly Source[],
  codeClasses: CodeClasses,
  token: string,
): Html => {
  const { id, study } = changeable
  const requests = requestsOf(study, codeClasses)
  if (requests.length === 0) return html`<p>The study asks for nothing yet.</p>`
  const nameOf = (source: string) => {
    const found = sources.find(one => one.id === source)
    return found === undefined ? 'a source that you may not see' : `${found.name}${found.isRetired ? ' (retired)' : ''}`
  }
  return html`<ul class="list-group">${requests.map(request => {
    const what = displayOf(request.kind, codeClasses)
    const from = request.sources.length === 0 ? 'any device or app' : request.sources.map(nameOf).join(', ')
    return html`<li class="list-group-item">
<h2 class="fs-5">${what}</h2>
<p>From ${from}. ${request.reason === '' ? 'No reason is given' : worded({ text: request.reason, language: ownLanguage(study) }, english)}</p>
${unsaid(study, request)}
<p><a href="/studies/${id}/settings/data/reason?${new URLSearchParams({ request: requestName(request) }).toString()}" aria-label="Edit the reason: ${what}, from ${from}">Edit the reason</a></p>
${postForm({ action: `/studies/${id}/settings/data/remove`, token, hidden: { version: changeable.version, request: requestName(request) } }, html`<button class="btn btn-outline-primary btn-sm" aria-label="Stop asking for ${what}, from ${from}">Stop asking</button>`)}
</li>`
  })}</ul>
<p class="form-text">Once you stop asking for a kind of data, nobody can share it any more. People who already share it go on until they stop, or the study ends.</p>`
}

/** The languages in which patients would read the reason in the study's own language. */
const unsaid = (study: ResearchStudy, { reason, extension }: StudyRequest): Html | false => {
  const missing = furtherLanguages(study).filter(language => translatedReason(extension, language) === '')
  return (
    reason !== '' &&
    missing.length > 0 &&
    html`<p class="text-body-secondary">The reason is not given in ${english.list(missing.map(languageName))}.</p>`
  )
}
