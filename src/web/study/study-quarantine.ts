import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import { keeperOf } from '../intake/quarantine-keeper.ts'
import { isProblemOfList, quarantineList, takeGroup } from '../intake/quarantine-list.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { pageTitle } from '../page/list-place.ts'
import { notFound } from '../page/not-found.ts'
import { pageNumberIn } from '../page/page-number.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'

/** What was refused of the data that people share with a study, for those who lead it. */
export const studyQuarantinePage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/quarantine'
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const { keeper, id, place } = await studyFor(request, options)
    const title = titleOf(JSON.parse((await keeper.store.read('ResearchStudy', id)).content))
    return sendStaffPage(reply, {
      title: pageTitle(`Refused documents: ${title}`, pageNumberIn(queryOf(request))),
      isProblem: isProblemOfList(queryOf(request)),
      isWide: true,
      content: html`<p><a href="/studies/${id}">${title}</a></p>
<h1>Refused documents</h1>
<p>Documents that were refused, by a validation policy or because they could not be read, and whose data people shared with this study when they came. They are kept as they were sent. Once the cause is mended, such as by <a href="/studies/${id}/settings/policy">another policy</a>, try again: they are checked anew, and accepted only if their sender may still write them.</p>
${await quarantineList(request, keeper, place, { token: ownToken(reply), nameKind: kindNames(options.codeClasses, wordsFor('en')) })}`,
    })
  })
  server.post<OfStudy>(`${at}/replay`, { onRequest }, async (request, reply) => {
    const { keeper, place } = await studyFor(request, options)
    return reply.redirect(await takeGroup(request, options, keeper, place), 303)
  })
}

const studyFor = async (request: FastifyRequest<OfStudy>, options: PageOptions) => {
  const { id } = request.params
  const keeper = await keeperOf(request, options)
  if (!(await keeper.leads(id))) return notFound()
  return { keeper, id, place: { of: { kind: 'study', id }, path: `/studies/${id}/quarantine` } as const }
}
