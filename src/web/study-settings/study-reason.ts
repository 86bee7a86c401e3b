import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { languageName } from '../../fhir/language.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import {
  displayOf,
  type Reason,
  requestName,
  requestsOf,
  type StudyRequest,
  withRequestReason,
} from '../../studies/definition/study-request.ts'
import { furtherLanguages, translatedReason } from '../../studies/definition/study-words.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Field, field, hiddenField, problemList } from '../page/form.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { besideWhatItSays } from '../page/said-meanwhile.ts'
import { requireSession } from '../page/signed-in.ts'
import { typed } from '../page/typed.ts'
import { changing, notSaved, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'
import { inLanguage, ownLanguageBeside } from './study-facts.ts'

/** Why a study asks for a kind of data, in each language in which patients read it. */
export const studyReasonPage: AddPage = (server, options) => {
  const { codeClasses } = options
  const onRequest = requireSession
  const at = '/studies/:id/settings/data/reason'
  const find = ({ study }: ChangeableStudy, name: string): StudyRequest => {
    const found = requestsOf(study, codeClasses).find(one => requestName(one) === name)
    if (found === undefined) throw new FhirError('not-found', 'There is no such page')
    return found
  }
  const pageOf = (request: StudyRequest, reasons: readonly Field[]) => ({
    title: `Reason for asking: ${displayOf(request.kind, codeClasses)}`,
    before: html`<p>Patients read it from now on, beside what they choose. What they have already signed still holds, and their copy keeps the reason as it was then.</p>`,
    fields: [hiddenField('request', requestName(request)), ...reasons.map(field)],
  })
  const dataPage = (id: string) => `/studies/${id}/settings/data`

  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const one = find(changeable, queryOf(request).get('request') ?? '')
    const languages = furtherLanguages(changeable.study)
    return sendChangePage(reply, changeable, pageOf(one, reasonFields(reasonOf(one, languages), {}, changeable.study)))
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request: FastifyRequest<OfStudy>, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const one = find(changeable, typed(request.body, 'request'))
    const languages = furtherLanguages(changeable.study)
    const reason = typedReason(request.body, languages)
    const problems = reasonProblems(reason)
    const fields = reasonFields(reason, problems, changeable.study)
    if (Object.keys(problems).length > 0)
      return sendChangePage(reply.code(422), changeable, {
        ...pageOf(one, fields),
        notices: problemList(fields),
      })
    const outcome = await changing(request, options, changeable, study => withRequestReason(study, one, reason))
    if (outcome.kind === 'changed') return reply.redirect(`${dataPage(changeable.id)}?done=saved`, 303)
    const now = reasonFields(reasonOf(find(outcome.now, requestName(one)), languages), {}, outcome.now.study)
    const page = { ...pageOf(one, besideWhatItSays(fields, now)), notices: notSaved }
    return sendChangePage(reply.code(409), outcome.now, page)
  })
}

const reasonOf = ({ reason, extension }: StudyRequest, languages: readonly string[]): Reason => ({
  reason,
  translations: languages.map(language => ({ language, text: translatedReason(extension, language) })),
})

export const typedReason = (body: unknown, languages: readonly string[]): Reason => ({
  reason: typed(body, 'reason').trim(),
  translations: languages.map(language => ({ language, text: typed(body, `reason-${language}`).trim() })),
})

export const reasonFields = (
  { reason, translations }: Reason,
  problems: Readonly<Record<string, string | undefined>>,
  study: Pick<ResearchStudy, 'language'>,
): readonly Field[] => [
  {
    name: 'reason',
    label: 'Why',
    hint: 'What the study needs it for, in words for patients',
    value: reason,
    problem: problems.reason,
    autocomplete: 'off',
    rows: 3,
    isProse,
    language: ownLanguageBeside(study),
  },
  ...furtherLanguages(study).map(language => ({
    name: `reason-${language}`,
    ...inLanguage('Why', language),
    value: translations.find(one => one.language === language)?.text ?? '',
    problem: problems[`reason-${language}`],
    rows: 3,
    isProse,
  })),
]

const isProse = true as const

export const reasonProblems = ({ reason, translations }: Reason): Readonly<Record<string, string>> => ({
  ...(reason === '' && { reason: 'Enter what the study needs it for' }),
  ...(reason.length > mostCharacters && { reason: `${tooLong} for the reason` }),
  ...Object.fromEntries(
    translations.flatMap(({ language, text }) =>
      text.length > mostCharacters
        ? [[`reason-${language}`, `${tooLong} for the reason in ${languageName(language)}`]]
        : [],
    ),
  ),
})

const mostCharacters = 1000
const tooLong = `At most ${mostCharacters} characters`
