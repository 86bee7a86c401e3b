import type { ResearchStudy } from '@medplum/fhirtypes'
import { languageName } from '../../fhir/language.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import {
  type FactName,
  factProblems,
  factsOf,
  type StudyFacts,
  withFacts,
} from '../../studies/definition/study-facts.ts'
import { furtherLanguages, ownLanguage } from '../../studies/definition/study-words.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Field, field, problemList, putBack } from '../page/form.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { besideWhatItSays } from '../page/said-meanwhile.ts'
import { requireSession } from '../page/signed-in.ts'
import { longForm, typed } from '../page/typed.ts'
import { calendarOf, dayAsked, dayShown } from '../page/typed-day.ts'
import { isOfPage } from '../page/wording.ts'
import { keptMoment } from './staff-fields.ts'
import { changing, notSaved, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

/** What a study says about itself: title, purpose, approval, time, and whom to ask. */
export const studyFactsPage: AddPage = (server, options) => {
  const at = '/studies/:id/settings/facts'
  server.get<OfStudy>(at, { onRequest: requireSession }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    return sendChangePage(reply, changeable, {
      title: 'About the study',
      fields: factFields(factsOf(changeable.study), {}, furtherLanguages(changeable.study), changeable.study).map(
        field,
      ),
    })
  })
  server.post<OfStudy>(at, { ...longForm, ...keepsTyped(options) }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const languages = furtherLanguages(changeable.study)
    const facts = typedFacts(request.body, languages)
    const problems = factProblems(facts)
    const fields = factFields(facts, problems, languages, changeable.study)
    if (Object.keys(problems).length > 0)
      return sendChangePage(reply.code(422), changeable, {
        title: 'About the study',
        notices: problemList(fields),
        fields: fields.map(field),
      })
    const outcome = await changing(request, options, changeable, study => withFacts(study, facts))
    if (outcome.kind === 'changed') return reply.redirect(`/studies/${changeable.id}/settings?done=facts`, 303)
    const now = factFields(factsOf(outcome.now.study), {}, languages)
    return sendChangePage(reply.code(409), outcome.now, {
      title: 'About the study',
      notices: notSaved,
      fields: besideWhatItSays(fields, now).map(field),
    })
  })
}

export const typedFacts = (body: unknown, languages: readonly string[]): StudyFacts => {
  const line = (name: string) => typed(body, name).replace(/\s+/g, ' ').trim()
  const lines = (name: string) => typed(body, name).replaceAll('\r\n', '\n').trim()
  return {
    title: line('title'),
    purpose: lines('purpose'),
    ...Object.fromEntries(
      languages.flatMap(language => [
        [`title-${language}`, line(`title-${language}`)],
        [`purpose-${language}`, lines(`purpose-${language}`)],
      ]),
    ),
    approval: line('approval'),
    start: dayAsked(line('start')),
    end: dayAsked(line('end')),
    contact: line('contact'),
    email: line('email'),
    phone: line('phone'),
  }
}

export const factFields = (
  facts: StudyFacts,
  problems: ReturnType<typeof factProblems>,
  languages: readonly string[],
  study: Pick<ResearchStudy, 'period' | 'language'> = {},
): readonly Field[] => {
  const { period } = study
  const language = ownLanguageBeside(study)
  return [
    {
      name: 'title',
      label: 'Title',
      hint: 'Patients read it on every page of the study',
      autocomplete: putBack,
      language,
    },
    ...languages.map(language => ({ name: `title-${language}`, ...inLanguage('Title', language) })),
    {
      name: 'purpose',
      label: 'Purpose',
      hint: 'What the study is for, in words for patients',
      autocomplete: 'off',
      rows: 5,
      isProse,
      language,
    },
    ...languages.map(language => ({
      name: `purpose-${language}`,
      rows: 5,
      isProse,
      ...inLanguage('Purpose', language),
    })),
    {
      name: 'approval',
      label: 'Approval number',
      hint: 'Of the ethics committee (optional)',
      autocomplete: putBack,
      optional,
    },
    {
      name: 'start',
      label: 'First day',
      hint: html`Such as 31 January 2026, in UTC. Leave empty for from now on${keptMoment(period?.start)}`,
      autocomplete: 'off',
      optional,
    },
    {
      name: 'end',
      label: 'Last day',
      hint: html`A day in UTC, after which nobody reads anything for the study. Leave empty for no end${keptMoment(period?.end)}`,
      autocomplete: 'off',
      optional,
    },
    { name: 'contact', label: 'Contact for patients', hint: 'A name (optional)', autocomplete: 'off', optional },
    { name: 'email', label: 'Contact’s e-mail address', hint: 'Optional', autocomplete: 'off', optional },
    { name: 'phone', label: 'Contact’s phone number', hint: 'Optional', autocomplete: 'off', optional },
  ].map(one => {
    const name = one.name as FactName
    const value = facts[name] ?? ''
    const problem = problems[name]
    return name === 'start' || name === 'end'
      ? { ...one, value: dayShown(value, english), ...calendarOf(value, english), problem }
      : { ...one, value, problem }
  })
}

/** The language of a study's own words, if it is not that of these pages. */
export const ownLanguageBeside = (study: Pick<ResearchStudy, 'language'>): string | undefined => {
  const language = ownLanguage(study)
  return isOfPage({ language }, english) ? undefined : language
}

const english = wordsFor('en')

const optional = true as const
const isProse = true as const

/** A field for what patients read in a further language. */
export const inLanguage = (label: string, language: string) => ({
  label: `${label} in ${languageName(language)}`,
  hint: 'For patients whose browser asks for this language. If empty, they read the words above',
  autocomplete: putBack,
  language,
  optional,
})
