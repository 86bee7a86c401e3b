import type { FastifyRequest } from 'fastify'
import { FhirError, type Issue } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { parseUnder } from '../../interactions/incoming/incoming.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { type ValidationPolicy, validationPolicies } from '../../mhealth/policy.ts'
import type { QuarantinedDocument } from '../../storage/quarantine/quarantine-asked.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { namedIn } from '../page/named-in.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { plainly } from './document-lines.ts'
import { findingText } from './finding-text.ts'
import { policyLabels } from './policy-field.ts'
import { type Keeper, keeperOf, noSource, takeOne } from './quarantine-keeper.ts'
import { fateOf, whereIn } from './quarantine-list.ts'
import { refusedDocument } from './refused-document.ts'
import { whoseDocument } from './whose-document.ts'

type OfDocument = { readonly Params: { readonly document: string } }

/** A document that was refused, for those who take care of it. Its content is only shown to people who may read such data of the patient. */
export const quarantineDocumentPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/quarantine/:document'
  server.get<OfDocument>(at, { onRequest }, async (request, reply) => {
    const { keeper, found } = await documentFor(request, options)
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    return sendStaffPage(reply, {
      title: `Refused: ${findingText(found.rule)}`,
      isProblem: done?.isProblem === true,
      isWide: true,
      content: html`<h1>${findingText(found.rule)}</h1>
${done?.shown}
<p>${whereIn(found, kindNames(options.codeClasses, wordsFor('en')))}</p>
<dl>
<dt>Outcome</dt><dd>${fateOf(found)}</dd>
<dt>First received</dt><dd>${moment(found.firstAt)}</dd>
<dt>Last received</dt><dd>${moment(found.lastAt)}, ${found.times === 1 ? 'sent once' : `sent ${found.times} times`}</dd>
<dt>Sent as</dt><dd>${found.interaction === 'update' ? 'a change of an earlier reading' : 'a new reading'}</dd>
<dt>Sent by</dt><dd>${found.client ?? 'an app that no longer exists'}</dd>
</dl>
${found.isLost && html`<p>It refers to something that was sent together with it and refused with it. So it cannot be accepted alone: its sender can send all of it again.</p>`}
${found.state === 'waiting' && actions(found, ownToken(reply))}
${await says(request, options, keeper, found)}
${found.studies.map(study => html`<p><a href="/studies/${study}/quarantine">Everything refused for this study</a></p>`)}
${found.isOfOrganization && html`<p><a href="/devices/${found.source || noSource}/quarantine">Everything refused from its source</a></p>`}`,
    })
  })
  server.post<OfDocument>(`${at}/replay`, { onRequest }, async (request, reply) => {
    const { keeper, found } = await documentFor(request, options)
    const done = await takeOne(request, options, keeper, found.id)
    return reply.redirect(`/quarantine/${found.id}?done=${done}`, 303)
  })
  server.post<OfDocument>(`${at}/remove`, { onRequest }, async (request, reply) => {
    const { keeper, found } = await documentFor(request, options)
    const { keepers, store } = keeper
    const settled = await store.settleQuarantined(found.id, keepers, { kind: 'removed' })
    if (settled === undefined) return reply.redirect(`/quarantine/${found.id}?done=settled`, 303)
    const [study] = found.studies
    const list = found.isOfOrganization ? `/devices/${found.source || noSource}` : `/studies/${study}`
    return reply.redirect(`${list}/quarantine?removed=yes`, 303)
  })
}

const saidAs = (kind: 'done' | 'problem', text: string) => ({
  isProblem: kind === 'problem',
  shown: notice(kind, html`<p>${text}</p>`),
})

const doneTexts: Readonly<Record<string, ReturnType<typeof saidAs>>> = {
  taken: saidAs('done', 'It has been accepted.'),
  refused: saidAs('problem', 'It was refused again.'),
  settled: saidAs('problem', 'It had been dealt with already.'),
}

/** Throws `not-found` for anybody who takes care of none of this, as if it did not exist. */
const documentFor = async (request: FastifyRequest<OfDocument>, options: PageOptions) => {
  const { document: id } = request.params
  const keeper = await keeperOf(request, options)
  const isId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id)
  const found = isId ? await keeper.store.quarantinedDocument(id, keeper.keepers) : undefined
  return found === undefined ? notFound() : { keeper, found }
}

const actions = ({ id, isLost }: QuarantinedDocument, token: string): Html => {
  const one = (action: string, style: string, text: string) =>
    postForm(
      { action: `/quarantine/${id}/${action}`, token, class: 'd-inline-block mt-0' },
      html`<button class="btn ${style}">${text}</button>`,
    )
  return html`${!isLost && one('replay', 'btn-primary', 'Try again')}
<details class="my-4">
<summary>Remove it</summary>
<p class="mt-2">Its content is deleted. Nobody can have it accepted after that, unless its sender sends it again.</p>
${one('remove', 'btn-outline-primary', 'Remove')}
</details>`
}

const says = async (
  request: FastifyRequest,
  options: PageOptions,
  { caller }: Keeper,
  { document, state, studies }: QuarantinedDocument,
): Promise<Html> => {
  if (document === undefined)
    return state === 'waiting'
      ? html`<p>Its content is shown only to those who may read such data of this patient, under the consents of this moment; where it cannot be told what it is, or whose, to nobody. You may not read it.</p>`
      : html`<p>Its content is no longer kept here.</p>`
  const context = options.contextFor({ caller, id: request.id, log: request.log }, { name: 'read', path: ':type/:id' })
  const body = parseJson(document.sent)
  const attached = context.mhealth.attachedTo(body)
  const verdicts: { readonly policy: ValidationPolicy; readonly refusals: readonly Issue[] }[] = []
  for (const policy of validationPolicies) verdicts.push({ policy, refusals: await refusalsOf(policy, body, context) })
  return html`<h2>Why it was refused</h2>
${messages(document.issues)}
<h2>What each policy would do with it now</h2>
<dl>${verdicts.map(({ policy, refusals }) => html`<dt>${policyLabels[policy]}</dt><dd>${refusals.length === 0 ? 'It would be accepted.' : messages(refusals)}</dd>`)}</dl>
<h2>The document</h2>
<p>Of ${await whoseDocument(options, caller, { studies, patient: document.patient })}, as it was sent.${attached.some(({ kind }) => kind === 'json') && ' What it was refused for is marked.'}</p>
${refusedDocument(body, attached, document.issues)}`
}

const messages = (issues: readonly Issue[]): Html =>
  html`<ul>${issues.map(({ message }) => html`<li class="text-break">${plainly(message)}</li>`)}</ul>`

const refusalsOf = async (
  policy: ValidationPolicy,
  body: unknown,
  context: Parameters<typeof parseUnder>[3],
): Promise<readonly Issue[]> => {
  try {
    await parseUnder(policy, 'Observation', body, context)
    return []
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    return error.issues
  }
}
