import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { systems } from '../../fhir/canonical.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { RefusedDocument } from '../../storage/quarantine/quarantine-asked.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession } from '../page/signed-in.ts'
import { moment } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { plainly } from './document-lines.ts'
import { addressOf, cameBy, ownRefusedOf, refusedPath, sourcesOfRefused } from './own-refused.ts'
import { refusedBecause } from './refused-because.ts'
import { refusedDocument } from './refused-document.ts'

type OfDocument = { readonly Params: { readonly document: string } }

/** One reading that was refused, as it was sent: its patient sees it, and may delete it. */
export const ownRefusedDocumentPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = `${refusedPath}/:document`
  server.get<OfDocument>(at, { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const own = await ownRefusedOf(request, options)
    const found = own && (await own.store.refusedDocument(idIn(request)))
    if (own === undefined || found === undefined) return notFound()
    const source = (await sourcesOfRefused(own, [found], options)).get(found.source)
    const title = kindNames(options.codeClasses, words)(systems.omh, found.schema) ?? say('refused.unknown')
    return sendTranslatedPage(reply, words, {
      title: say('refused.one', { kind: title }),
      content: html`<h1>${say('refused.one', { kind: title })}</h1>
<p>${refusedBecause(found.rule, words)}</p>
<dl>
<dt>${say(found.times > 1 ? 'refused.first' : 'refused.received')}</dt><dd>${moment(found.firstAt, words)}</dd>
${found.times > 1 && html`<dt>${say('refused.last')}</dt><dd>${moment(found.lastAt, words)}</dd>`}
<dt>${say('refused.came')}</dt><dd>${cameBy(found, source, words)}</dd>
</dl>
${says(request, options, own.caller, found, words)}
<h2>${say('refused.remove')}</h2>
<p>${say('refused.remove-text')}</p>
${postForm({ action: addressOf(own.patient, {}, `/${found.id}/remove`), token: ownToken(reply) }, html`<button class="btn btn-outline-primary">${say('refused.remove')}</button>`)}
<p><a href="${addressOf(own.patient)}">${say('refused.title')}</a></p>`,
    })
  })
  server.post<OfDocument>(`${at}/remove`, { onRequest }, async (request, reply) => {
    const own = await ownRefusedOf(request, options)
    if (own === undefined) return notFound()
    const removed = await own.store.removeRefused(idIn(request))
    return reply.redirect(addressOf(own.patient, { done: removed === undefined ? 'settled' : 'removed' }), 303)
  })
}

/** Throws `not-found` for what cannot be an id. */
const idIn = ({ params: { document } }: FastifyRequest<OfDocument>): string =>
  /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(document) ? document : notFound()

/** The reasons in full are for whoever makes the app, and in English like the names in a document. */
const says = (
  request: FastifyRequest,
  { contextFor }: PageOptions,
  caller: Caller,
  { document }: RefusedDocument,
  { say }: Words,
): Html => {
  if (document === undefined) return html`<p>${say('refused.unclear')}</p>`
  const body = parseJson(document.sent)
  const { mhealth } = contextFor({ caller, id: request.id, log: request.log }, { name: 'read', path: ':type/:id' })
  return html`<h2>${say('refused.details')}</h2>
<div lang="en">
<ul>${document.issues.map(({ message }) => html`<li class="text-break">${plainly(message)}</li>`)}</ul>
${refusedDocument(body, mhealth.attachedTo(body), document.issues)}
</div>`
}
