import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply } from 'fastify'
import { extensions } from '../../fhir/canonical.ts'
import { chosenIn } from '../../storage/model/study.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { staffOf } from '../../studies/definition/study-staff.ts'
import { withExtensions } from '../../studies/definition/with-extensions.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { changing, notDone, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

/** Who reads what patients share with a study, narrowed to its named staff: nobody widens it again. */
export const studyAccessPage: AddPage = (server, options) => {
  const at = '/studies/:id/settings/access'
  server.get<OfStudy>(at, { onRequest: requireSession }, async (request, reply) =>
    sendAccess(reply, await studyOf(request, options, 'mayChange')),
  )
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const outcome = await changing(request, options, changeable, forStaffAlone)
    // It may have been sent twice.
    if (outcome.kind === 'changed' || isNarrow(outcome.now.study))
      return reply.redirect(`/studies/${changeable.id}/settings?done=access`, 303)
    return sendAccess(reply.code(409), outcome.now, notDone)
  })
}

const isNarrow = (study: ResearchStudy): boolean => chosenIn(study, 'access') === 'staff'

const forStaffAlone = (study: ResearchStudy): ResearchStudy => {
  const others = (study.extension ?? []).filter(({ url }) => url !== extensions.access)
  return withExtensions(study, [...others, { url: extensions.access, valueCode: 'staff' }])
}

const sendAccess = (reply: FastifyReply, changeable: ChangeableStudy, notices?: Html): FastifyReply => {
  const { study, id } = changeable
  const staff = staffOf(study).filter(({ isInForce }) => isInForce)
  const services = html`The services that read without a person are not concerned: the <a href="/studies/${id}">page of the study</a> names them.`
  const people = html`<a href="/studies/${id}/settings/staff">${peopleText(staff.length)}</a>`
  return sendChangePage(reply, changeable, {
    title: 'Who reads what patients share',
    notices,
    before: isNarrow(study)
      ? html`<p>Its named staff read it, now ${people}, and nobody else of its organization. This cannot be widened, since patients were told so. ${services}</p>`
      : html`<p>Its named staff read it, now ${people}, and so does everybody in its organization and in those below it.</p>
<p>You can narrow this to its named staff. Then everybody else there reads nothing of it any more, at once: neither what patients share nor what they have answered. Members of the organization still enrol and invite people. ${services} You cannot undo this.</p>
${staff.length === 0 && notice('warning', html`<p>Nobody is named yet: until <a href="/studies/${id}/settings/staff">staff are</a>, no person would read anything.</p>`)}`,
    fields: isNarrow(study) ? [] : [html``],
    button: 'Let its named staff alone read',
  })
}

const peopleText = (count: number): string => {
  if (count === 0) return 'nobody'
  return count === 1 ? 'one person' : `${count} people`
}
