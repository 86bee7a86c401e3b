import type { FastifyReply } from 'fastify'
import { readSource, type Source, setSourcePolicy } from '../../studies/definition/source.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { policyField, policyIn, policyProblem } from './policy-field.ts'
import { nameOfSource } from './sources.ts'

type OfSource = { readonly Params: { readonly device: string } }

/** How strictly documents from a source are judged. */
export const sourcePolicyPage: AddPage = (server, options) => {
  const { codeClasses } = options
  const onRequest = requireSession
  const at = '/devices/:device/policy'
  server.get<OfSource>(at, { onRequest }, async (request, reply) => {
    const organizer = await administratorOf(request, options)
    const source = await readSource(organizer, codeClasses, request.params.device)
    return sendPolicy(reply, { source, policy: source.policy ?? 'none' })
  })
  server.post<OfSource>(at, keepsTyped(options), async (request, reply) => {
    const organizer = await administratorOf(request, options)
    const source = await readSource(organizer, codeClasses, request.params.device)
    const policy = policyIn(request.body)
    const version = typed(request.body, 'version')
    if (policy === undefined)
      return sendPolicy(reply.code(422), { source: { ...source, version }, policy: '', problem: policyProblem })
    try {
      await setSourcePolicy(organizer, { id: source.id, version }, policy === 'none' ? undefined : policy)
      return reply.redirect('/devices?done=changed', 303)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      const changed = await readSource(organizer, codeClasses, source.id)
      return sendPolicy(reply.code(409), { source: changed, policy, now: changed.policy ?? 'none' })
    }
  })
}

type State = {
  readonly source: Source
  readonly policy: string
  readonly problem?: string
  /** What somebody else has chosen since it was shown. */
  readonly now?: string
}

const sendPolicy = (reply: FastifyReply, { source, policy, problem, now }: State): FastifyReply => {
  const title = 'How strictly documents are checked'
  return sendStaffPage(reply, {
    title: `${title}: ${nameOfSource(source)}`,
    isProblem: problem !== undefined || now !== undefined,
    content: html`<p><a href="/devices/${source.id}">${nameOfSource(source)}</a></p>
<h1>${title}</h1>
${now && notice('problem', overtaken)}
${problemList([{ name: 'policy', problem }])}
<p>It applies to everything that comes from this source, whoever sends it. What is already stored is not checked again.</p>
${postForm(
  {
    action: `/devices/${source.id}/policy`,
    token: ownToken(reply),
    hidden: { version: source.version },
    novalidate: true,
  },
  html`${policyField(policy, { problem, now })}
<button class="btn btn-primary">Save</button>`,
)}`,
  })
}
