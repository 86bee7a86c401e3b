import { queryOf } from '../../http/fhir/presentation.ts'
import { findStudyAsked } from '../../studies/consent/own-study.ts'
import { findOwnScan } from '../../studies/consent/paper-scan.ts'
import { findSignedConsent } from '../../studies/consent/signed-consent.ts'
import type { AddPage } from '../page/add-page.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { wordsOf } from '../page/translated-page.ts'

type OfStudy = { readonly Params: { readonly study: string } }

/** Patients download the scan of the paper that waits to be confirmed; if none waits, or if `signed` is in the address, of the one that they have a copy of. */
export const sharingScanPage: AddPage = (server, options) => {
  server.get<OfStudy>('/sharing/:study/paper', { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { person } = sessionOf(request)
    const asked = await findStudyAsked(options, person, request.params.study, words)
    if (asked === undefined) return notFound()
    const isWaiting = asked.paperSince !== undefined && !queryOf(request).has('signed')
    const consent = isWaiting ? asked.consent : (await findSignedConsent(options, asked, words))?.consent
    const scan = consent && (await findOwnScan(options, person, asked.record, consent))
    const ending = scan && endings.get(scan.contentType)
    if (scan === undefined || ending === undefined) return notFound()
    const name = words.say('copy.file').replace(/html$/, ending)
    return reply
      .type(scan.contentType)
      .headers({ 'cache-control': 'no-store', 'content-disposition': `attachment; filename="${name}"` })
      .send(scan.bytes)
  })
}

/** What staff can record on our pages: whatever an app calls a scan is not served as something else. */
const endings: ReadonlyMap<string, string> = new Map([
  ['application/pdf', 'pdf'],
  ['image/jpeg', 'jpg'],
  ['image/png', 'png'],
])
