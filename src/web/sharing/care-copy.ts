import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { nameAt } from '../../studies/consent/as-it-was.ts'
import { type CareAsked, findCareAsked, ofWhom, recordsOf } from '../../studies/consent/care-asked.ts'
import { granteeNameAt } from '../../studies/consent/care-grantee.ts'
import { findSignedConsent, type SignedConsent } from '../../studies/consent/signed-consent.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { dayOrMoment } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { careAddress } from './care-form.ts'
import { sendCopyFile, signing } from './sharing-copy.ts'
import { textShown } from './sharing-facts.ts'
import { lineText } from './sharing-line.ts'

type OfCarer = { readonly Params: { readonly id: string } }

/** What was signed for somebody's care, by whom and when, even if it has ended; to print, or to save as a file. */
export const careCopyPages: AddPage = (server, options) => {
  for (const kind of ['practitioner', 'organization'] as const)
    server.get<OfCarer>(`/sharing/with/${kind}/:id/copy`, { onRequest: requireSession }, async (request, reply) => {
      const words = wordsOf(request)
      const { say } = words
      const { person } = sessionOf(request)
      const query = queryOf(request)
      const people = await recordsOf(options, person)
      const isOne = people.length === 1
      const of = await ofWhom(options, { person, people, named: query.get('record') ?? '' })
      const asked = of && (await findCareAsked(options, { ...of, isOne }, { kind, id: request.params.id }, words))
      const signed = asked && (await findSignedConsent(options, { record: asked.record, signed: asked.signed }, words))
      if (asked === undefined || signed === undefined) throw new FhirError('not-found', 'There is no such copy')
      const name = await nameAt(options.accounts.openStoreAs, person, signed.at)
      const who = await granteeNameAt(asked.record, asked.grantee, signed.at)
      const title = `${say('copy.title')}: ${who}`
      const content = copyShown(asked, signed, { who, name }, words)
      if (query.has('file')) return sendCopyFile(reply, words, { title, content })
      const links = html`<ul class="list-unstyled mt-4 no-print"><li><a href="${careAddress(asked, { file: '' }, '/copy')}">${say('copy.download')}</a></li><li><a href="${careAddress(asked)}">${say('care.title', { who: asked.grantee.name })}</a></li></ul>`
      return sendTranslatedPage(reply, words, { title, content: html`${content}${links}` })
    })
}

/** `who`: what the grantee was called then. `name`: of the account, since nobody types one in an app. */
const copyShown = (
  asked: CareAsked,
  { consent, lines, ...signed }: SignedConsent,
  { who, name }: { readonly who: string; readonly name: string },
  words: Words,
): Html => {
  const { say } = words
  const { endedAt } = signed
  const { sourceAttachment: text } = consent
  return html`<h1>${say('copy.title')}</h1>
<dl>
<dt>${say('care.copy-with')}</dt><dd>${who}</dd>
${asked.whose !== undefined && html`<dt>${say('care.of')}</dt><dd>${asked.whose}</dd>`}
${name !== '' && html`<dt>${say('own.own-name')}</dt><dd>${name}</dd>`}
${signing({ consent, lines, ...signed }, words)}
${endedAt !== undefined && html`<dt>${say('copy.ended')}</dt><dd>${dayOrMoment(endedAt, words)}</dd>`}
${text?.hash !== undefined && html`<dt>${say('copy.hash')}</dt><dd><code>${text.hash}</code></dd>`}
</dl>
<h2>${say(endedAt === undefined ? 'copy.shared' : 'copy.shared-then')}</h2>
<ul>${lines.map(line => html`<li class="as-written">${lineText(line, words)}</li>`)}</ul>
${text?.data !== undefined && html`<h2>${say('copy.text')}</h2>${textShown(text)}`}`
}
