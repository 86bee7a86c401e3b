import type { Consent, ConsentProvision, ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { standardExtensions } from '../fhir/canonical.ts'
import { queryOf } from '../http/presentation.ts'
import type { Words } from '../messages/catalogue.ts'
import { patientsOf } from '../storage/token.ts'
import { givenBy, stopPermits } from '../studies/own-consent.ts'
import { nameOf, type OwnRecord, openOwnRecord } from '../studies/own-record.ts'
import { findStudyAsked, isSignedEarlier, ownStudiesOf, type StudyAsked } from '../studies/own-study.ts'
import { titleIn } from '../studies/study-words.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { box, notice, ticked, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'
import { periodText } from './sharing-preview.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { phrase } from './time.ts'
import { langOf, worded } from './wording.ts'

/** Everything that somebody shares with whomever, and the way to stop it, all or in part. */
export const sharingPage: AddPage = (server, options) => {
  const onRequest = requireSession
  server.get('/sharing', { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const given = await givenOf(request, options)
    const asked = await askedOf(request, options, words)
    const token = ownToken(reply)
    const lists: Html[] = []
    for (const one of given) lists.push(await listed(one, words, options))
    const done = queryOf(request).get('done')
    return sendOwnPage(reply, words, {
      title: say('sharing.title'),
      content: html`<h1>${say('sharing.title')}</h1>
${done === 'stopped' && notice('done', html`<p>${say('sharing.stopped')}</p>`)}
${done === 'none' && notice('problem', html`<p>${say('sharing.none-ticked')}</p>`)}
${studyList('sharing.open', asked.filter(waits), words)}
${
  given.length === 0
    ? html`<p>${say('sharing.nothing')}</p>`
    : html`<p>${say('sharing.text')}</p>
<form method="post" action="/sharing">
<input type="hidden" name="_csrf" value="${token}">
${lists}
<div class="d-flex flex-wrap gap-3 mt-4"><button class="btn btn-primary">${say('sharing.stop')}</button><button name="all" value="yes" class="btn btn-primary">${say('sharing.stop-all')}</button></div>
</form>`
}
${studyList('sharing.over', asked.filter(isOver), words)}
<ul class="list-unstyled mt-4">
<li><a href="/account/disclosures">${say('sharing.disclosures')}</a></li>
<li><a href="/account/data">${say('sharing.data')}</a></li>
<li><a href="/account/apps">${say('sharing.apps')}</a></li>
<li><a href="/account">${say('sharing.account')}</a></li>
</ul>`,
    })
  })
  server.post('/sharing', { onRequest }, async (request, reply) => {
    const all = typed(request.body, 'all') === 'yes'
    const ticks = new Set(ticked(request.body, 'stop'))
    let isStopped = false
    for (const { record, consent } of await givenOf(request, options)) {
      const places = (consent.provision?.provision ?? []).flatMap((_, place) =>
        ticks.has(tickOf(consent, place)) ? [place] : [],
      )
      if (!all && places.length === 0) continue
      await stopPermits(record, consent, all ? 'all' : new Set(places))
      isStopped = true
    }
    return reply.redirect(`/sharing?done=${isStopped ? 'stopped' : 'none'}`, 303)
  })
}

type Given = { readonly record: OwnRecord; readonly consent: Consent }

/** By way of each record of the person, once. */
const givenOf = async (request: FastifyRequest, options: PageOptions): Promise<readonly Given[]> => {
  const { person } = sessionOf(request)
  const given = new Map<string, Given>()
  for (const patient of await patientsOf(options.accounts.database, person)) {
    const record = await openOwnRecord(options, person, patient)
    for (const consent of record === undefined ? [] : await givenBy(record))
      if (record !== undefined && consent.patient?.reference === `Patient/${patient}`)
        given.set(consent.id ?? '', { record, consent })
  }
  return [...given.values()]
}

/** All studies that ask the person. */
const askedOf = async (request: FastifyRequest, options: PageOptions, words: Words): Promise<readonly StudyAsked[]> => {
  const { person } = sessionOf(request)
  const own = await ownStudiesOf(options, person)
  const asked = await Promise.all(own.map(({ study }) => findStudyAsked(options, person, study, words)))
  return asked.filter(one => one !== undefined)
}

const studyList = (title: 'sharing.open' | 'sharing.over', asked: readonly StudyAsked[], words: Words): Html | false =>
  asked.length > 0 &&
  html`<h2>${words.say(title)}</h2>
<ul class="list-group list-group-flush mb-4">${asked.map(one => html`<li class="list-group-item px-0 py-3"><a href="/sharing/${one.study.id}"${langOf(one.title, words)}>${one.title.text}</a></li>`)}</ul>`

/** Also what was signed is asked again, by another text. */
const waits = (asked: StudyAsked): boolean =>
  asked.consent === undefined || asked.consent.status === 'proposed' || isSignedEarlier(asked)

/** They have said no, or have stopped, and may still say yes. */
const isOver = ({ consent }: StudyAsked): boolean => consent?.status === 'rejected' || consent?.status === 'inactive'

/** Of this version: what has changed since it was shown is not stopped by a place in a list. */
const tickOf = ({ id, meta }: Consent, place: number): string => `${id}/${meta?.versionId}/${place}`

const listed = async ({ record, consent }: Given, words: Words, options: PageOptions): Promise<Html> => {
  const { say } = words
  const study = consent.extension?.find(({ url }) => url === standardExtensions.consentResearchStudyContext)
    ?.valueReference?.reference
  const who = await receiverOf(record, study ?? actorOf(consent), words)
  const boxes: Html[] = []
  for (const [place, permit] of (consent.provision?.provision ?? []).entries()) {
    if (permit.type !== 'permit') continue
    const text = await permitText({ record, consent }, permit, words, options)
    boxes.push(box({ type: 'checkbox', name: 'stop', value: tickOf(consent, place), label: text }))
  }
  const page = study?.replace('ResearchStudy', '/sharing')
  return html`<fieldset>
<legend class="fs-5 fw-semibold">${phrase(words, 'sharing.to', { who })}</legend>
${boxes}
${page !== undefined && html`<p><a href="${page}">${say('sharing.read')}<span class="visually-hidden">: ${who}</span></a></p>`}
</fieldset>`
}

/** A study by its title, in words that the reader has; everybody else by name. */
const receiverOf = async (record: OwnRecord, reference: string | undefined, words: Words): Promise<Html | string> => {
  const [type, id = ''] = reference?.split('/') ?? []
  const study = type === 'ResearchStudy' ? await record.read<ResearchStudy>(type, id) : undefined
  if (study !== undefined) return worded(titleIn(study, words), words)
  return (await nameOf(record, reference)) ?? words.say('sharing.unknown')
}

const permitText = async (
  { record, consent }: Given,
  { code, class: classes, data, dataPeriod }: ConsentProvision,
  words: Words,
  { codeClasses }: PageOptions,
): Promise<Html> => {
  const coding = code?.[0]?.coding?.[0] ?? classes?.[0]
  const key = codeClasses.kindOf(coding?.system, coding?.code ?? '') ?? ''
  const known = codeClasses.kinds().find(one => one.key === key)?.display
  const kind = words.kind(key, known ?? code?.[0]?.text ?? coding?.display ?? coding?.code ?? '')
  const source = data?.[0]?.reference.reference
  const what =
    source === undefined
      ? words.say('choose.any-device', { kind })
      : words.say('choose.device', { kind, device: (await nameOf(record, source)) ?? source })
  const { start = consent.dateTime ?? '', end = '' } = dataPeriod ?? {}
  return html`${what}: ${periodText({ from: start, until: end }, words)}`
}

const actorOf = ({ provision }: Consent): string | undefined =>
  (provision?.provision?.[0]?.actor ?? provision?.actor)?.[0]?.reference.reference
