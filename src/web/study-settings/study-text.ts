import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { languageName } from '../../fhir/language.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { staffFromElsewhere } from '../../storage/study/study-recipients.ts'
import { textsOf } from '../../studies/consent/patient-text.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { displayOf, requestsOf } from '../../studies/definition/study-request.ts'
import { findPractitioners } from '../../studies/definition/study-staff.ts'
import {
  draftAfter,
  draftOf,
  missingInDraft,
  unnamedRequests,
  versionsOf,
  withPublished,
  writtenLanguages,
} from '../../studies/definition/study-text.ts'
import {
  furtherLanguages,
  translatedPurpose,
  translatedReason,
  translatedTitle,
} from '../../studies/definition/study-words.ts'
import { textLanguages } from '../../studies/definition/text-part.ts'
import { leavesRecipients, recipientsIn, withRecipients } from '../../studies/definition/text-recipients.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession } from '../page/signed-in.ts'
import { textShown } from '../sharing/sharing-facts.ts'
import { changing, notDone, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'
import { codeText } from './study-staff-list.ts'

type OfVersion = { readonly Params: { readonly id: string; readonly version: string } }

/** What patients are given to sign: its versions, and the draft. */
export const studyTextPage: AddPage = (server, options) => {
  const { codeClasses } = options
  const onRequest = requireSession
  const at = '/studies/:id/settings/text'
  const send = async (reply: FastifyReply, changeable: ChangeableStudy, problem?: Html): Promise<FastifyReply> =>
    sendChangePage(reply, changeable, {
      title: 'What patients read and sign',
      isProblem: problem !== undefined,
      notices: problem,
      fields: [],
      before: html`${unnamed(changeable, codeClasses)}
${unsaid(changeable, codeClasses)}
${versions(changeable)}
${await recipients(changeable, options, ownToken(reply))}
${draft(changeable, codeClasses, ownToken(reply))}`,
    })

  server.get<OfStudy>(at, { onRequest }, async (request, reply) =>
    send(reply, await studyOf(request, options, 'mayChange')),
  )
  server.post<OfStudy>(`${at}/publish`, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const one = draftOf(changeable.study)
    if (one === undefined) return send(reply.code(409), changeable, notDone)
    const missing = missingInDraft(one, changeable.study, codeClasses)
    if (missing.length > 0)
      return send(
        reply.code(422),
        changeable,
        notice('problem', html`<p>It was not published. Still missing: ${missing.join(', ')}.</p>`),
      )
    const staff = await fromElsewhere(changeable, options)
    const outcome = await changing(request, options, changeable, study => {
      const published = withPublished(study, one, codeClasses)
      return recipientsIn(study) === undefined ? published : withRecipients(published, staff)
    })
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings?done=text`, 303)
      : send(reply.code(409), outcome.now, notDone)
  })
  server.post<OfStudy>(`${at}/recipients`, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const staff = await fromElsewhere(changeable, options)
    const outcome = await changing(request, options, changeable, study => withRecipients(study, staff))
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings/text`, 303)
      : send(reply.code(409), outcome.now, notDone)
  })
  server.get<OfVersion>(`${at}/versions/:version`, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const { version } = request.params
    if (!versionsOf(changeable.study).includes(version)) throw new FhirError('not-found', 'There is no such version')
    return sendChangePage(reply, changeable, {
      title: `Version ${version} of the text`,
      fields: [],
      before: html`${languagesOf(changeable.study, version)}<p><a href="/studies/${changeable.id}/settings/text">Back to all versions</a></p>`,
    })
  })
}

const unnamed = ({ study }: ChangeableStudy, codeClasses: CodeClasses): Html | undefined => {
  const kinds = unnamedRequests(study, codeClasses)
  return kinds.length === 0
    ? undefined
    : html`<p class="alert alert-warning">The text that patients sign does not name ${kinds.join(', ')}. Nobody is asked for it until you publish a version that names it.</p>`
}

/** What is shown beside the text, and is missing in one of its languages. */
const unsaid = ({ id, study }: ChangeableStudy, codeClasses: CodeClasses): readonly Html[] =>
  languagesOfText(study).flatMap(language => {
    const reasons = requestsOf(study, codeClasses).filter(one => translatedReason(one.extension, language) === '')
    const missing = [
      ...(translatedTitle(study, language) === '' ? ['the title'] : []),
      ...(translatedPurpose(study, language) === '' ? ['the purpose'] : []),
      ...(reasons.length > 0
        ? [`why ${reasons.map(({ kind }) => displayOf(kind, codeClasses)).join(', ')} is asked for`]
        : []),
    ]
    const name = languageName(language)
    const page = `/studies/${id}/settings`
    return missing.length === 0
      ? []
      : html`<p class="alert alert-warning">Those who read the text in ${name} do not find these in ${name}: ${missing.join('; ')}. Write them on the pages <a href="${page}/facts">About the study</a> and <a href="${page}/data">Data that the study asks for</a>.</p>`
  })

const fromElsewhere = ({ id }: ChangeableStudy, { accounts }: PageOptions): Promise<readonly string[]> =>
  staffFromElsewhere(accounts.database, id)

const versions = ({ id, study }: ChangeableStudy): Html => {
  const published = versionsOf(study)
  if (published.length === 0) return html`<p>Nothing is published yet, so nobody can be asked for anything.</p>`
  return html`<h2>Published</h2>
<ul>${published.map(
    (version, place) =>
      html`<li><a href="/studies/${id}/settings/text/versions/${encodeURIComponent(version)}">Version ${version}</a>${place === published.length - 1 && ', which patients sign now'}</li>`,
  )}</ul>`
}

const recipients = async (
  changeable: ChangeableStudy,
  options: PageOptions,
  token: string,
): Promise<Html | undefined> => {
  const { id, study, store } = changeable
  if (versionsOf(study).length === 0) return undefined
  const staff = await fromElsewhere(changeable, options)
  const names = await findPractitioners(store, options.registry, staff)
  const listed = (ids: readonly string[]) =>
    html`<ul>${ids.map(one => html`<li>${names.get(one) ?? codeText(one)}</li>`)}</ul>`
  const named = recipientsIn(study)
  if (leavesRecipients(study))
    return html`<h2>Who receives data</h2>
<p>The text leaves open who receives data. As long as anybody shares by it, nobody who works elsewhere can be added to the staff.
State that only these receive what is shared by it, and others can be added: they read of patients who sign a later version that names them, and of nobody else.</p>
<ul><li>Those who work in the study’s organization, as its staff or by the access that was chosen</li></ul>
${listed(staff)}
${postForm({ action: `/studies/${id}/settings/text/recipients`, token, hidden: { version: changeable.version } }, html`<button class="btn btn-outline-primary">State that these receive data</button>`)}`
  const missing = staff.filter(one => named?.includes(one) !== true)
  return missing.length === 0
    ? undefined
    : html`<h2>Who receives data</h2>
<p class="alert alert-warning">The version that patients sign now does not name these people. The next one will; until a patient has signed it, they read nothing of that patient.</p>
${listed(missing)}`
}

const draft = (changeable: ChangeableStudy, codeClasses: CodeClasses, token: string): Html => {
  const { id, study } = changeable
  const page = `/studies/${id}/settings/text`
  const languages = html`<ul>${textLanguages.map(
    language =>
      html`<li><a href="${page}/draft/${language}">Write it in ${languageName(language)}</a>${language !== 'en' && ' (not required)'}</li>`,
  )}</ul>`
  const one = draftOf(study)
  if (one === undefined)
    return html`<h2>A new version</h2>
<p>${beginning(study)} Patients do not see it until you publish it.</p>
${languages}`
  const missing = missingInDraft(one, study, codeClasses)
  return html`<h2>Draft of the next version</h2>
${languages}
<ul>${writtenLanguages(one).map(language => html`<li><a href="${page}/preview/${language}">Preview it as patients will see it, in ${languageName(language)}</a></li>`)}</ul>
${
  missing.length > 0
    ? html`<p>It cannot be published yet. Still missing:</p>
<ul>${missing.map(part => html`<li>${part}</li>`)}</ul>`
    : html`<p>Once published, it can no longer be changed. Everybody in the study is asked again; until they sign it, what they agreed to before holds, and nothing more.</p>
${postForm({ action: `${page}/publish`, token, hidden: { version: changeable.version } }, html`<button class="btn btn-primary">Publish</button>`)}`
}`
}

/** The words with which a new version begins, if there is one before. */
const beginning = (study: ResearchStudy): string => {
  if (versionsOf(study).length === 0) return ''
  const { words } = draftAfter(study)
  const isTaken = textLanguages.some(language => Object.values(words[language] ?? {}).some(text => text !== ''))
  return isTaken
    ? 'It starts with the words of the last version.'
    : 'The last version was not written on these pages, in their parts, so none of its words are taken over.'
}

/** Languages besides the study's own: those of the version that patients sign now, and of the draft. */
const languagesOfText = (study: ResearchStudy): readonly string[] => {
  const draft = draftOf(study)
  const written: readonly string[] = draft === undefined ? [] : writtenLanguages(draft)
  const isPublished = (language: string) => textsOf(study, language).at(-1)?.attachment.language === language
  return furtherLanguages(study).filter(language => written.includes(language) || isPublished(language))
}

/** Each text of the version once: if it is missing in a language, another one takes its place. */
const languagesOf = (study: ResearchStudy, version: string): readonly Html[] => {
  const texts = textLanguages.flatMap(language => textsOf(study, language).filter(one => one.version === version))
  return [...new Map(texts.map(one => [one.hash, one.attachment])).values()].map(
    attachment => html`<h2>${languageName(attachment.language ?? 'en')}</h2>
${textShown(attachment)}`,
  )
}
