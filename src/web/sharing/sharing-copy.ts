import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { nameAt } from '../../studies/consent/as-it-was.ts'
import { type AskedLine, findStudyAsked, type StudyAsked } from '../../studies/consent/own-study.ts'
import { scanIdOf } from '../../studies/consent/paper-scan.ts'
import { signedTextOf, textsOf } from '../../studies/consent/patient-text.ts'
import type { SharedLine } from '../../studies/consent/shared-line.ts'
import { findSignedConsent, type SignedConsent } from '../../studies/consent/signed-consent.ts'
import { findSigned } from '../../studies/consent/signed-study.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { dayOrMoment } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { langOf, worded } from '../page/wording.ts'
import { readersNowShown } from './readers-now-shown.ts'
import { textShown } from './sharing-facts.ts'
import { keptOf, lineText } from './sharing-line.ts'
import { scanLink } from './sharing-paper.ts'
import { placeKey } from './sharing-standing.ts'

type OfStudy = { readonly Params: { readonly study: string } }

/** What was signed, by whom and when, even if it has ended; to print, or to save as a file. */
export const sharingCopyPage: AddPage = (server, options) => {
  server.get<OfStudy>('/sharing/:study/copy', { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const asked = await findStudyAsked(options, sessionOf(request).person, request.params.study, words)
    const signed = asked && (await findSignedConsent(options, asked, words))
    if (asked === undefined || signed === undefined) throw new FhirError('not-found', 'There is no such copy')
    const isFile = queryOf(request).has('file')
    const { study } = asked
    const content = copyShown(
      asked,
      signed,
      await nameAt(options.accounts.openStoreAs, sessionOf(request).person, signed.at),
      await findSigned(options, { ...asked, consent: signed.consent }, { at: signed.at, words }),
      words,
    )
    const title = `${say('copy.title')}: ${asked.title.text}`
    if (isFile) return sendCopyFile(reply, words, { title, content })
    const scan =
      scanIdOf(signed.consent) !== undefined && html`<li>${scanLink(`/sharing/${study.id}/paper?signed`, words)}</li>`
    const links = html`<ul class="list-unstyled mt-4 no-print"><li><a href="/sharing/${study.id}/copy?file">${say('copy.download')}</a></li>${scan}<li><a href="/sharing/${study.id}"${langOf(asked.title, words)}>${asked.title.text}</a></li></ul>`
    return sendTranslatedPage(reply, words, { title, content: html`${content}${links}` })
  })
}

/** A file is read away from this server: it has nothing of its pages and no form token, but only what is to be kept. */
export const sendCopyFile = (
  reply: FastifyReply,
  { code, direction, say }: Words,
  { title, content }: { readonly title: string; readonly content: Html },
): FastifyReply =>
  reply
    .type('text/html; charset=utf-8')
    .headers({
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="${say('copy.file')}"`,
      vary: 'accept-language',
    })
    .send(
      html`<!doctype html>
<html lang="${code}"${direction === 'rtl' && html` dir="rtl"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Sharewell</title>
<style>${ownStyle}</style>
</head>
<body>
${content}
</body>
</html>
`.text,
    )

/** As on the pages, what people have written keeps its lines and its direction, and the text has a border. */
const ownStyle = html`
body { max-width: 40rem; margin: 1rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; line-height: 1.5; overflow-wrap: anywhere }
.as-written { white-space: pre-line }
.border { border: 1px solid; padding: 1rem }
.as-written, code, body [lang] { unicode-bidi: plaintext }
[dir="rtl"] dd { unicode-bidi: plaintext; text-align: right }
`

/** `name`: of the account, since nobody types one in an app or for paper. `then`: the study as it was when it was signed. */
const copyShown = (asked: StudyAsked, signed: SignedConsent, name: string, then: StudyAsked, words: Words): Html => {
  const { say } = words
  const { consent, lines, endedAt } = signed
  const isOver = endedAt !== undefined || (!asked.isEnrolled && !asked.isToCome)
  return html`<h1>${say('copy.title')}</h1>
${!asked.isEnrolled && html`<p>${say(placeKey(asked))}</p>`}
<dl>
<dt${langOf(then.title, words)}>${then.title.text}</dt><dd>${then.organization.name}</dd>
${then.purpose && html`<dt>${say('study.what-for')}</dt><dd class="as-written"${langOf(then.purpose, words)}>${then.purpose.text}</dd>`}
${name !== '' && html`<dt>${say('own.own-name')}</dt><dd>${name}</dd>`}
${signing(signed, words)}
${endedAt !== undefined && html`<dt>${say('copy.ended')}</dt><dd>${dayOrMoment(endedAt, words)}</dd>`}
${version(asked.study, consent, words)}
</dl>
<h2>${say(isOver ? 'copy.shared-then' : 'copy.shared')}</h2>
<ul>${lines.map(line => given(line, then.lines, words))}</ul>
${keptOf(asked, words)}
${readersNowShown(asked.readersNow, { ...asked, at: new Date() }, words)}
<h2>${say('copy.text')}</h2>
${textShown(signedTextOf(asked.study, consent.sourceAttachment?.hash ?? ''))}`
}

/** Nobody has signed what was changed since. */
export const signing = ({ signature, changedAt, at }: SignedConsent, words: Words): Html => {
  const key = changedAt === undefined ? 'copy.signed' : 'copy.changed'
  return html`${at && html`<dt>${words.say(key)}</dt><dd>${dayOrMoment(at, words)}</dd>`}
${signature && html`<dt>${words.say('copy.by')}</dt><dd>${signature.who.display}</dd>`}`
}

const version = (study: ResearchStudy, { sourceAttachment: { hash, language } = {} }: Consent, words: Words): Html => {
  const text = textsOf(study, language ?? words.code).find(one => one.hash === hash)
  return html`${text && html`<dt>${words.say('copy.version')}</dt><dd>${text.version}</dd>`}
<dt>${words.say('copy.hash')}</dt><dd><code>${hash}</code></dd>`
}

/** A shared line, with the reason that the study gave for it. */
const given = (line: SharedLine, asked: readonly AskedLine[], words: Words): Html => {
  const ofKind = asked.filter(({ kind }) => kind === line.kind)
  const { reason } = ofKind.find(({ source }) => source === line.source) ?? ofKind[0] ?? {}
  return html`<li class="as-written">${lineText(line, words)}${reason && html`. <bdi>${worded(reason, words)}</bdi>`}</li>`
}
