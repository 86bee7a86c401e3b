import { policyOf, withPolicy } from '../../studies/definition/validation-policy.ts'
import { policyField, policyIn, policyProblem } from '../intake/policy-field.ts'
import type { AddPage } from '../page/add-page.ts'
import { problemList } from '../page/form.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { changing, notSaved, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

/** How strictly documents are judged that people share with a study. */
export const studyPolicyPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/settings/policy'
  const title = 'How strictly documents are checked'
  const before = html`<p>It applies to documents of the kinds that people share with this study, while the study is in force. What is already stored is not checked again.</p>`
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    return sendChangePage(reply, changeable, {
      title,
      before,
      fields: [policyField(policyOf(changeable.study) ?? 'none')],
    })
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const policy = policyIn(request.body)
    if (policy === undefined) {
      const notices = problemList([{ name: 'policy', problem: policyProblem }])
      const fields = [policyField('', { problem: policyProblem })]
      return sendChangePage(reply.code(422), changeable, { title, notices, before, fields })
    }
    const outcome = await changing(request, options, changeable, study =>
      withPolicy(study, policy === 'none' ? undefined : policy),
    )
    const now = outcome.kind === 'changed' ? policy : (policyOf(outcome.now.study) ?? 'none')
    // Somebody else may have chosen the same.
    if (outcome.kind === 'changed' || now === policy)
      return reply.redirect(`/studies/${changeable.id}/settings?done=policy`, 303)
    const fields = [policyField(policy, { now })]
    return sendChangePage(reply.code(409), outcome.now, { title, notices: notSaved, before, fields })
  })
}
