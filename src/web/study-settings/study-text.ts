import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply } from 'fastify'
import { languageName } from '../../fhir/language.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { textsOf } from '../../studies/consent/patient-text.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { displayOf, requestsOf } from '../../studies/definition/study-request.ts'
import {
  draftAfter,
  draftOf,
  missingInDraft,
  missingInPublished,
  unnamedRequests,
  versionsOf,
  withPublished,
  writtenLanguages,
} from '../../studies/definition/study-text.ts'
import {
  furtherLanguages,
  textLanguage,
  translatedPurpose,
  translatedReason,
  translatedTitle,
} from '../../studies/definition/study-words.ts'
import { textLanguages } from '../../studies/definition/text-part.ts'
import { recipientsIn, withRecipients } from '../../studies/definition/text-recipients.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { requireSession } from '../page/signed-in.ts'
import { changing, notDone, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'
import { fromElsewhere, recipients } from './study-recipients.ts'

/** What patients are given to sign: its versions, and the draft. */
export const studyTextPage: AddPage = (server, options) => {
  const { codeClasses } = options
  const onRequest = requireSession
  const at = '/studies/:id/settings/text'
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    return sendTexts(reply, options, changeable, {
      done: done === undefined ? undefined : notice('done', html`<p>${done}</p>`),
    })
  })
  server.post<OfStudy>(`${at}/publish`, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const one = draftOf(changeable.study)
    if (one === undefined) return sendTexts(reply.code(409), options, changeable, { problem: notDone })
    const missing = missingInDraft(one, changeable.study, codeClasses)
    if (missing.length > 0) return sendTexts(reply.code(422), options, changeable, { problem: notPublished(missing) })
    const staff = await fromElsewhere(changeable, options)
    const outcome = await changing(request, options, changeable, study => {
      const published = withPublished(study, one, codeClasses)
      return recipientsIn(study) === undefined ? published : withRecipients(published, staff)
    })
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings?done=text`, 303)
      : sendTexts(reply.code(409), options, outcome.now, { problem: notDone })
  })
  server.post<OfStudy>(`${at}/recipients`, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const staff = await fromElsewhere(changeable, options)
    const outcome = await changing(request, options, changeable, study => withRecipients(study, staff))
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings/text?done=recipients`, 303)
      : sendTexts(reply.code(409), options, outcome.now, { problem: notDone })
  })
}

const notPublished = (missing: readonly string[]): Html =>
  notice('problem', html`<p>It was not published. Still missing: ${missing.join(', ')}.</p>`)

/** What was done by the form that led here. */
const doneTexts: Readonly<Record<string, string>> = {
  draft: 'The draft is saved. Patients do not see it until it is published.',
  empty: 'Nothing is written, so there is no draft.',
  recipients: 'Saved: only these receive what is shared by this text.',
}

const sendTexts = async (
  reply: FastifyReply,
  options: PageOptions,
  changeable: ChangeableStudy,
  { problem, done }: { readonly problem?: Html; readonly done?: Html | undefined },
): Promise<FastifyReply> => {
  const { codeClasses } = options
  return sendChangePage(reply, changeable, {
    title: 'What patients read and sign',
    notices: problem ?? done,
    fields: [],
    before: html`${unfinished(changeable)}
${unnamed(changeable, codeClasses)}
${unsaid(changeable, codeClasses)}
${versions(changeable)}
${await recipients(changeable, options, ownToken(reply))}
${draft(changeable, codeClasses, ownToken(reply))}`,
  })
}

const unfinished = ({ study }: ChangeableStudy): Html | undefined => {
  const missing = missingInPublished(study)
  return missing.length === 0
    ? undefined
    : html`<div class="alert alert-warning"><p>The last version does not have all its parts, so nobody is asked to sign it. It lacks:</p>
<ul>${missing.map(part => html`<li>${part}</li>`)}</ul>
<p>Whoever has signed it goes on sharing. Publish a version that has all parts; everybody is then asked to sign that one. If the text says all of this under other headings, the app that wrote it can name them over FHIR instead: then nobody is asked again.</p></div>`
}

const unnamed = ({ study }: ChangeableStudy, codeClasses: CodeClasses): Html | undefined => {
  const kinds = unnamedRequests(study, codeClasses)
  return kinds.length === 0
    ? undefined
    : html`<p class="alert alert-warning">The text that patients sign does not name ${wordsFor('en').list(kinds)}. Nobody is asked for what it does not name: publish a version that does.</p>`
}

/** What is shown beside the text, and is missing in one of its languages. */
const unsaid = ({ id, study }: ChangeableStudy, codeClasses: CodeClasses): readonly Html[] =>
  languagesOfText(study).flatMap(language => {
    const reasons = requestsOf(study, codeClasses).filter(one => translatedReason(one.extension, language) === '')
    const missing = [
      ...(translatedTitle(study, language) === '' ? ['the title'] : []),
      ...(translatedPurpose(study, language) === '' ? ['the purpose'] : []),
      ...(reasons.length > 0
        ? [`why the study asks for ${wordsFor('en').list(reasons.map(({ kind }) => displayOf(kind, codeClasses)))}`]
        : []),
    ]
    const name = languageName(language)
    const page = `/studies/${id}/settings`
    return missing.length === 0
      ? []
      : html`<p class="alert alert-warning">Those who read the text in ${name} do not find these in ${name}: ${missing.join('; ')}. Write them on the pages <a href="${page}/facts">About the study</a> and <a href="${page}/data">Data that the study asks for</a>.</p>`
  })

const versions = ({ id, study }: ChangeableStudy): Html => {
  const published = versionsOf(study)
  if (published.length === 0) return html`<p>Nothing is published yet, so nobody can be asked for anything.</p>`
  return html`<h2>Published</h2>
<ul>${published.map(
    (version, place) =>
      html`<li><a href="/studies/${id}/settings/text/versions/${encodeURIComponent(version)}">Version ${version}</a>${place === published.length - 1 && missingInPublished(study).length === 0 && ', which patients sign now'}</li>`,
  )}</ul>`
}

const draft = (changeable: ChangeableStudy, codeClasses: CodeClasses, token: string): Html => {
  const { id, study } = changeable
  const page = `/studies/${id}/settings/text`
  const own = textLanguage(study)
  const languages = html`<ul>${textLanguages
    .toSorted((one, other) => Number(other === own) - Number(one === own))
    .map(
      language =>
        html`<li><a href="${page}/draft/${language}">Write it in ${languageName(language)}</a>${language !== own && ' (not required)'}</li>`,
    )}</ul>`
  const one = draftOf(study)
  if (one === undefined)
    return html`<h2>A new version</h2>
<p>${beginning(study)} Patients do not see it until you publish it.</p>
${languages}`
  const missing = missingInDraft(one, study, codeClasses)
  return html`<h2>Draft of the next version</h2>
${languages}
<ul>${writtenLanguages(one, study).map(language => html`<li><a href="${page}/preview/${language}">Preview it as patients will see it, in ${languageName(language)}</a></li>`)}</ul>
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
  const written: readonly string[] = draft === undefined ? [] : writtenLanguages(draft, study)
  const isPublished = (language: string) => textsOf(study, language).at(-1)?.attachment.language === language
  return furtherLanguages(study).filter(language => written.includes(language) || isPublished(language))
}
