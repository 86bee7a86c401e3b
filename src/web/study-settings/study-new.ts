import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { languageName } from '../../fhir/language.ts'
import { languageCodes } from '../../messages/catalogue.ts'
import {
  createStudy,
  findClosedForStudies,
  findStudiesTitled,
  organizationsForStudies,
} from '../../studies/definition/study-change.ts'
import { factProblems, type StudyFacts, withFacts } from '../../studies/definition/study-facts.ts'
import { furtherLanguages } from '../../studies/definition/study-words.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { radioField, selectField } from '../page/choice-field.ts'
import { closedMeanwhile } from '../page/closed-meanwhile.ts'
import { field, type Option, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { idByForm } from '../page/id-by-form.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { type Alike, alikeNotice, alikeToAskAbout, anotherButton } from '../page/made-already.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { longForm, typed } from '../page/typed.ts'
import { factFields, typedFacts } from './study-facts.ts'

type OfOrganization = { readonly Params: { readonly organization: string } }

/** The first step of a new study: what it is, and what cannot be changed later. */
export const studyNewPage: AddPage = (server, options) => {
  const at = '/organizations/:organization/studies/new'
  server.get<OfOrganization>(at, { onRequest: requireSession }, async (request, reply) =>
    sendForm(reply, await openOrganizationOf(request, options), { body: undefined, problems: {} }),
  )
  server.post<OfOrganization>(at, { ...longForm, ...keepsTyped(options) }, async (request, reply) => {
    const closed = await findClosedForStudies(options, sessionOf(request).person, request.params.organization)
    const organization = closed ?? (await openOrganizationOf(request, options))
    const { body } = request
    const language = languageIn(body)
    const facts = typedNew(body, language)
    const problems = { ...factProblems(facts), ...choiceProblems(body) }
    const refused = Object.keys(problems).length > 0 ? 422 : closed !== undefined ? 409 : undefined
    if (refused !== undefined)
      return sendForm(reply.code(refused), organization, { body, problems, isClosed: closed !== undefined })
    const alike = await alikeOf(request, options, { organization: organization.id, title: facts.title })
    if (alike !== undefined) return sendForm(reply.code(409), organization, { body, problems, alike })
    const study: ResearchStudy = {
      resourceType: 'ResearchStudy',
      ...(language !== 'en' && { language }),
      // R4's status for a study that is being prepared.
      status: 'in-review',
      sponsor: { reference: `Organization/${organization.id}` },
      extension: [
        { url: extensions.identity, valueCode: typed(body, 'identity') },
        { url: extensions.access, valueCode: typed(body, 'access') },
      ],
    }
    const id = await createStudy(options, sessionOf(request).person, {
      id: idByForm(request),
      study: withFacts(study, facts),
    })
    return reply.redirect(`/studies/${id}/settings?done=made`, 303)
  })
}

const openOrganizationOf = async (request: FastifyRequest<OfOrganization>, options: PageOptions) => {
  const { organization } = request.params
  const [found] = await organizationsForStudies(options, sessionOf(request).person, organization)
  if (found === undefined) throw new FhirError('not-found', 'There is no such organization')
  return found
}

const alikeOf = async (
  request: FastifyRequest,
  options: PageOptions,
  named: { readonly organization: string; readonly title: string },
): Promise<Alike | undefined> => {
  const found = await findStudiesTitled(options, sessionOf(request).person, named)
  return alikeToAskAbout(
    request,
    found.map(id => ({ id, name: named.title, address: `/studies/${id}/settings` })),
  )
}

/** The language in which the study is written; English, unless another one of this server is chosen. */
const languageIn = (body: unknown): string => languageCodes.find(code => code === typed(body, 'language')) ?? 'en'

/** The form is first shown for a study in English: whoever chooses another language may have typed its words into the fields for translations. */
const typedNew = (body: unknown, language: string): StudyFacts => {
  const facts = typedFacts(body, furtherLanguages({ language }))
  const words = (name: 'title' | 'purpose') => facts[name] || typedFacts(body, [language])[`${name}-${language}`] || ''
  return { ...facts, title: words('title'), purpose: words('purpose') }
}

const choiceProblems = (body: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(choices).flatMap(([name, { choices, missing }]) =>
      choices.some(({ value }) => value === typed(body, name)) ? [] : [[name, missing]],
    ),
  )

type Fixed = {
  readonly label: string
  readonly hint: string
  readonly missing: string
  readonly choices: readonly Option[]
}

const choices: Readonly<Record<'identity' | 'access', Fixed>> = {
  identity: {
    label: 'How does the study know its patients?',
    hint: 'You cannot change this later.',
    missing: 'Choose how the study knows its patients',
    choices: [
      { value: 'coded', label: 'By a code: its staff see no names' },
      { value: 'identified', label: 'By name: its staff see who they are, once a patient has accepted' },
    ],
  },
  access: {
    label: 'Who may read what patients share?',
    hint: 'You can narrow this later, but never widen it.',
    missing: 'Choose who may read',
    choices: [
      { value: 'staff', label: 'Only those who are named as its staff' },
      { value: 'organization', label: 'Everybody in the organization and in those below it, and its staff' },
    ],
  },
}

type Shown = {
  readonly body: unknown
  readonly problems: Readonly<Record<string, string | undefined>>
  readonly isClosed?: boolean
  readonly alike?: Alike
}

const sendForm = (
  reply: FastifyReply,
  organization: { readonly id: string; readonly name: string },
  { body, problems, isClosed = false, alike }: Shown,
): FastifyReply => {
  const token = ownToken(reply)
  const language = languageIn(body)
  const further = furtherLanguages({ language })
  const fields = factFields(typedNew(body, language), problems, further, { language })
  const fixed = Object.entries(choices).map(([name, one]) => ({
    name,
    ...one,
    value: typed(body, name),
    problem: problems[name],
  }))
  return sendStaffPage(reply, {
    title: `A new study of ${organization.name}`,
    isProblem: Object.keys(problems).length > 0 || isClosed || alike !== undefined,
    content: html`<h1>A new study of ${organization.name}</h1>
<p>This is the first step. After it, you choose which data the study asks for, who works in it, and what patients read. Nobody is asked for anything until you say so.</p>
${isClosed && closedMeanwhile(organization.name, 'no study is created in it')}
${alike && alikeNotice(alike, 'a study')}
${problemList([...fields, ...fixed])}
${postForm(
  { action: `/organizations/${organization.id}/studies/new`, token, novalidate: true },
  html`${selectField({
    name: 'language',
    label: 'Language of the study',
    hint: 'Its title, its purpose and what patients sign are written in it. You can add other languages later, but not change this one.',
    value: language,
    choices: languageCodes.map(code => ({ value: code, label: languageName(code) })),
  })}
${fields.map(field)}
${fixed.map(radioField)}
<div class="d-flex flex-wrap gap-2">
<button class="btn btn-primary">Create the study</button>
${alike && anotherButton(alike)}
</div>`,
)}
<p><a href="/studies">Back to the studies</a></p>`,
  })
}
