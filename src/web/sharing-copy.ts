import type { Consent, Provenance, ResearchStudy, Signature } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { queryOf } from '../http/presentation.ts'
import type { Words } from '../messages/catalogue.ts'
import { permitFor } from '../studies/own-consent.ts'
import type { OwnRecord } from '../studies/own-record.ts'
import { type AskedLine, findStudyAsked, signedTextOf, textsOf } from '../studies/own-study.ts'
import { findSigned } from '../studies/signed-study.ts'
import type { AddPage } from './add-page.ts'
import { type Html, html } from './html.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'
import { textShown } from './sharing-facts.ts'
import { periodText } from './sharing-preview.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { dayOrMoment } from './time.ts'
import { langOf, worded } from './wording.ts'

type OfStudy = { readonly Params: { readonly study: string } }

/** What was signed, by whom and when: to print, or to keep as a file. */
export const sharingCopyPage: AddPage = (server, options) => {
  server.get<OfStudy>('/sharing/:study/copy', { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const asked = await findStudyAsked(options, sessionOf(request).person, request.params.study, words)
    if (asked?.consent?.status !== 'active') throw new FhirError('not-found', 'There is no such copy')
    const { study, consent } = asked
    const signature = await signatureOf(asked.record, consent)
    const at = signature?.when ?? consent.dateTime ?? ''
    const { title, purpose, organization, lines } = await findSigned(options, asked, { at, words })
    const isFile = queryOf(request).has('file')
    if (isFile) reply.header('content-disposition', 'attachment; filename="consent.html"')
    return sendOwnPage(reply, words, {
      title: say('copy.title'),
      content: html`<h1>${say('copy.title')}</h1>
<dl>
<dt${langOf(title, words)}>${title.text}</dt><dd>${organization.name}</dd>
${purpose && html`<dt>${say('study.what-for')}</dt><dd${langOf(purpose, words)}>${purpose.text}</dd>`}
<dt>${say('copy.signed')}</dt><dd>${dayOrMoment(at, words)}</dd>
${signature && html`<dt>${say('copy.by')}</dt><dd>${signature.who.display}</dd>`}
${version(study, consent, words)}
</dl>
<h2>${say('copy.shared')}</h2>
<ul>${lines.map(line => given(consent, line, words))}</ul>
<h2>${say('study.text')}</h2>
${textShown(signedTextOf(study, consent.sourceAttachment?.hash ?? ''))}
${!isFile && html`<ul class="list-unstyled mt-4 no-print"><li><a href="/sharing/${study.id}/copy?file">${say('copy.download')}</a></li><li><a href="/sharing/${study.id}"${langOf(asked.title, words)}>${asked.title.text}</a></li></ul>`}`,
    })
  })
}

/** Undefined where it was signed in another way than on our pages, if only the last time. */
const signatureOf = async (record: OwnRecord, { id, dateTime = '' }: Consent): Promise<Signature | undefined> => {
  const found = await record.find<Provenance>('Provenance', { target: `Consent/${id}`, _sort: '-recorded' })
  const [last] = found.flatMap(({ signature = [] }) => signature)
  return last !== undefined && Date.parse(last.when) < Date.parse(dateTime) ? undefined : last
}

const version = (study: ResearchStudy, { sourceAttachment: { hash, language } = {} }: Consent, words: Words): Html => {
  const text = textsOf(study, language ?? words.code).find(one => one.hash === hash)
  return html`${text && html`<dt>${words.say('copy.version')}</dt><dd>${text.version}</dd>`}
<dt>${words.say('copy.hash')}</dt><dd><code>${hash}</code></dd>`
}

const given = (consent: Consent, line: AskedLine, words: Words): Html | undefined => {
  const permit = permitFor(consent, line)
  if (permit === undefined) return undefined
  const { start = '', end = '' } = permit.dataPeriod ?? {}
  const { reason } = line
  return html`<li>${line.what}: ${periodText({ from: start, until: end }, words)}${reason && html`. ${worded(reason, words)}`}</li>`
}
