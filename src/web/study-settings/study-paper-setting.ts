import { extensions } from '../../fhir/canonical.ts'
import { allowsPaper } from '../../studies/definition/paper-allowed.ts'
import { withExtensions } from '../../studies/definition/with-extensions.ts'
import type { AddPage } from '../page/add-page.ts'
import { box } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { nowItSays } from '../page/said-meanwhile.ts'
import { requireSession } from '../page/signed-in.ts'
import { typed } from '../page/typed.ts'
import { changing, notSaved, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

/** Whether staff of a study may record what patients have signed on paper. */
export const studyPaperSettingPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/settings/paper'
  const title = 'Consents on paper'
  const fields = (isChosen: boolean, meanwhile?: Html) => [
    box({
      type: 'checkbox',
      name: 'paper',
      value: 'yes',
      label: 'Staff may record consents that patients have signed on paper',
      hint: html`${meanwhile}A member of the staff records it with its scan; it takes effect once another member has confirmed it.`,
      isChosen,
    }),
  ]
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    return sendChangePage(reply, changeable, { title, fields: fields(allowsPaper(changeable.study)) })
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const isChosen = typed(request.body, 'paper') === 'yes'
    const outcome = await changing(request, options, changeable, study => {
      const others = (study.extension ?? []).filter(({ url }) => url !== extensions.paperConsent)
      return withExtensions(study, [
        ...others,
        ...(isChosen ? [{ url: extensions.paperConsent, valueBoolean: true }] : []),
      ])
    })
    // Somebody else may have chosen the same.
    if (outcome.kind === 'changed' || allowsPaper(outcome.now.study) === isChosen)
      return reply.redirect(`/studies/${changeable.id}/settings?done=paper`, 303)
    const meanwhile = html`${nowItSays(isChosen ? 'No' : 'Yes')}. `
    return sendChangePage(reply.code(409), outcome.now, {
      title,
      notices: notSaved,
      fields: fields(isChosen, meanwhile),
    })
  })
}
