import type { ResearchStudy } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { languageName } from '../../fhir/language.ts'
import { textsOf } from '../../studies/consent/patient-text.ts'
import { versionsOf } from '../../studies/definition/study-text.ts'
import { textLanguages } from '../../studies/definition/text-part.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession } from '../page/signed-in.ts'
import { textShown } from '../sharing/sharing-facts.ts'
import { sendChangePage, studyOf } from './study-changing.ts'

type OfVersion = { readonly Params: { readonly id: string; readonly version: string } }

/** One version of what patients are given to sign, as it was published. */
export const studyTextVersionPage: AddPage = (server, options) => {
  const at = '/studies/:id/settings/text/versions/:version'
  server.get<OfVersion>(at, { onRequest: requireSession }, async (request, reply) => {
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

/** Each text of the version once: if it is missing in a language, another one takes its place. */
const languagesOf = (study: ResearchStudy, version: string): readonly Html[] => {
  const texts = textLanguages.flatMap(language => textsOf(study, language).filter(one => one.version === version))
  return [...new Map(texts.map(one => [one.hash, one.attachment])).values()].map(
    attachment => html`<h2>${languageName(attachment.language ?? 'en')}</h2>
${textShown(attachment)}`,
  )
}
