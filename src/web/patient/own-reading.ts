import type { Observation } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isEnteredInError } from '../../fhir/measured/mistaken.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { patch } from '../../interactions/patch.ts'
import { etagOf } from '../../interactions/version.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Stored } from '../../storage/store.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import {
  addressOfReadings,
  type OwnReadings,
  ownReadingsOf,
  ownReadingsPath,
  readingsAskedIn,
} from './own-readings-asked.ts'
import { readingLines } from './reading-lines.ts'

type OfReading = { readonly Params: { readonly reading: string } }

/** One reading, which its patient marks as wrong, or no longer, by the patch that an app of theirs would send. */
export const ownReadingPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = `${ownReadingsPath}/:reading`
  const find = async (request: FastifyRequest<OfReading>) => {
    const own = (await ownReadingsOf(request, options)) ?? notFound()
    return { own, stored: await own.store.read('Observation', request.params.reading) }
  }
  server.get<OfReading>(at, { onRequest }, async (request, reply) => sendReading(reply, await find(request)))
  for (const name of ['mark', 'unmark'] as const)
    server.post<OfReading>(`${at}/${name}`, { onRequest }, async (request, reply) => {
      const found = await find(request)
      const isLate = await isOvertakenBy(() => writeStatus(request, options, found, name))
      if (isLate) return sendReading(reply.code(409), { ...(await find(request)), isLate })
      return reply.redirect(addressOfReadings(found.own, readingsAskedIn(queryOf(request)), { done: `${name}ed` }), 303)
    })
}

/** Whether something else has changed it since it was shown, so that nothing is written. */
const isOvertakenBy = async (write: () => Promise<'written' | 'nothing-to-do'>): Promise<boolean> => {
  try {
    return (await write()) === 'nothing-to-do'
  } catch (error) {
    if (!isOvertaken(error)) throw error
    return true
  }
}

type Found = { readonly own: OwnReadings; readonly stored: Stored }

/** There is nothing to do if no mark is there that could be taken off: somebody has done it already. */
const writeStatus = async (
  request: FastifyRequest<OfReading>,
  { contextFor }: PageOptions,
  { own, stored }: Found,
  name: 'mark' | 'unmark',
): Promise<'written' | 'nothing-to-do'> => {
  const status = name === 'mark' ? 'entered-in-error' : await statusBefore(own, stored)
  if (status === undefined) return 'nothing-to-do'
  const door = { name: 'patch', path: ':type/:id' } as const
  const asked = {
    type: 'Observation',
    id: stored.id,
    query: new URLSearchParams(),
    body: [{ op: 'replace', path: '/status', value: status }],
    headers: {
      ifMatch: etagOf(typed(request.body, 'version')),
      prefer: { handling: 'strict', return: 'minimal' },
    },
  } as const
  await patch(asked, contextFor({ caller: own.caller, id: request.id, log: request.log }, door))
  return 'written'
}

/** The status that it had before it was marked; undefined if it never had another one, or is not marked. */
const statusBefore = async ({ store }: OwnReadings, { id, content }: Stored): Promise<string | undefined> => {
  if (!isEnteredInError(JSON.parse(content))) return undefined
  const { entries } = await store.history('Observation', id, { count: mostVersions, cursor: undefined })
  const versions = entries.flatMap(({ content }): Observation[] => (content === undefined ? [] : [JSON.parse(content)]))
  return versions.find(version => !isEnteredInError(version))?.status
}

/** A reading has a few. */
const mostVersions = 100

type Shown = Found & { readonly isLate?: boolean }

const sendReading = async (reply: FastifyReply, { own, stored, isLate = false }: Shown): Promise<FastifyReply> => {
  const words = wordsOf(reply.request)
  const { say } = words
  const asked = readingsAskedIn(queryOf(reply.request))
  const [line] = await readingLines(own, [stored], asked, words)
  if (line === undefined) return notFound()
  const title = line.what ?? say('readings.unknown')
  const action = (name: string) => addressOfReadings(own, asked, { path: `/${stored.id}/${name}` })
  const form = (name: 'mark' | 'unmark', button: string): Html =>
    postForm(
      { action: action(name), token: ownToken(reply), hidden: { version: stored.versionId } },
      html`<button class="btn btn-outline-primary">${button}</button>`,
    )
  const before = await statusBefore(own, stored)
  return sendTranslatedPage(reply, words, {
    title,
    isProblem: isLate,
    content: html`<h1>${title}</h1>
${isLate && notice('problem', html`<p>${say('readings.meanwhile')}</p>`)}
<dl>
<dt>${say('other.value')}</dt><dd>${line.values.join(', ')}</dd>
${line.bodySite !== undefined && html`<dt>${say('readings.body-site')}</dt><dd>${line.bodySite}</dd>`}
<dt>${say('other.measured')}</dt><dd>${line.when} (${asked.timezone})</dd>
<dt>${say('readings.device')}</dt><dd>${line.device ?? say('chart.source-unknown')}</dd>
</dl>
${line.isMarked ? ofMarked(before === undefined ? undefined : form('unmark', say('readings.unmark')), words) : ofOther(form('mark', say('readings.mark')), words)}
<p class="mt-4"><a href="${addressOfReadings(own, asked)}">${say('readings.back')}</a></p>`,
  })
}

const ofOther = (form: Html, { say }: Words): Html => html`<h2>${say('readings.mark-title')}</h2>
<p>${say('readings.mark-text')}</p>
<p>${say('readings.mark-keeps')}</p>
${form}`

const ofMarked = (form: Html | undefined, { say }: Words): Html => html`<h2>${say('readings.marked-title')}</h2>
<p>${say('readings.marked-text')}</p>
${form}`
