import { queryOf } from '../../http/fhir/presentation.ts'
import { findStudyAsked } from '../../studies/consent/own-study.ts'
import { findOwnScan } from '../../studies/consent/paper-scan.ts'
import { findSignedConsent } from '../../studies/consent/signed-consent.ts'
import type { AddPage } from '../page/add-page.ts'
import { notFound } from '../page/not-found.ts'
import { sendScan } from '../page/scan-file.ts'
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
    if (scan === undefined) return notFound()
    return sendScan(reply, scan, words.say('copy.file').replace(/\.html$/, ''))
  })
}
