import { findStudyAsked } from '../../studies/consent/own-study.ts'
import { findOwnScan } from '../../studies/consent/paper-scan.ts'
import type { AddPage } from '../page/add-page.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { wordsOf } from '../page/translated-page.ts'

type OfStudy = { readonly Params: { readonly study: string } }

/** The paper that a patient has signed for a study, as staff have scanned it, for the patient. */
export const sharingScanPage: AddPage = (server, options) => {
  server.get<OfStudy>('/sharing/:study/paper', { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { person } = sessionOf(request)
    const asked = await findStudyAsked(options, person, request.params.study, words)
    const scan = asked && (await findOwnScan(options, person, asked))
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
