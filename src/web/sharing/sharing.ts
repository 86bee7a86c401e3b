import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { granteeOf } from '../../access/consent.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { compartmentsOf, patientsOf } from '../../storage/authorization/token.ts'
import { nameOf } from '../../studies/consent/own-record.ts'
import { type Sharing, sharingsOf } from '../../studies/consent/own-sharing.ts'
import { statusOfAnswer } from '../../studies/consent/own-study.ts'
import { withdrawalSigned } from '../../studies/consent/patient-text.ts'
import { stopSharing } from '../../studies/consent/stop-sharing.ts'
import { type StudyAnswered, studiesAnswered, waitsForAnswer } from '../../studies/consent/waiting-answer.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { box, notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { printedLine } from '../page/printed-line.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { ticked, typed } from '../page/typed.ts'
import { langOf, worded } from '../page/wording.ts'
import { careEnded } from './care-ended.ts'
import { carePath } from './care-form.ts'
import { receiverName } from './receiver-name.ts'
import { keptText, lineText } from './sharing-line.ts'
import { paperList } from './sharing-paper.ts'
import { placeKey } from './sharing-standing.ts'
import { isOfTick, parseTick, type Tick, tickOf, tickText } from './sharing-tick.ts'
import { stopAllForm } from './stop-all.ts'
import { notRunning } from './study-days.ts'

/** Everything that somebody shares with anybody, according to the gate, and how to stop it, as a whole or in part. */
export const sharingPage: AddPage = (server, options) => {
  const onRequest = requireSession
  server.get('/sharing', { onRequest }, async (request, reply) => {
    const query = queryOf(request)
    if (query.get('stop') !== 'all') return sendSharing(server, options, request, reply, query.get('done') ?? '')
    const words = wordsOf(request)
    const given = (await sharingsOf(options, sessionOf(request).person, words)).filter(isGiven)
    if (given.length === 0) return reply.redirect('/sharing', 303)
    const asked = await studiesAnswered(options, sessionOf(request).person)
    const receivers = await Promise.all(given.map(one => receiverStopped(one, asked, words)))
    return sendTranslatedPage(reply, words, {
      title: words.say('stop-all.title'),
      content: html`${stopAllForm(receivers, words, ownToken(reply))}
${await appsShown(server, sessionOf(request).person, words)}`,
    })
  })
  server.post('/sharing', { onRequest }, async (request, reply) => {
    const { person } = sessionOf(request)
    const words = wordsOf(request)
    if (typed(request.body, 'all') === 'yes') {
      await stopSharing(options, { person, words }, () => true)
      return reply.redirect('/sharing?done=stopped', 303)
    }
    const ticks = ticked(request.body, 'stop')
    if (ticks.length === 0) return reply.redirect('/sharing?done=none', 303)
    const humans = await compartmentsOf(options.accounts.database, person)
    const stopped = ticks.map(text => parseTick(text, humans))
    // Nothing is guessed: if something cannot be understood, they are asked again.
    if (!stopped.every(tick => tick !== undefined))
      return sendSharing(server, options, request, reply.code(409), 'changed')
    const shown = new Set(typed(request.body, 'shown').split(' '))
    const isTicked = (tick: Tick) => ticks.includes(tickText(tick))
    // What they left unticked continues; but what was not there to be ticked ends together with what was ticked.
    const isNew = (tick: Tick) => !shown.has(tickText(tick)) && stopped.some(one => isOfTick(one, tick))
    let isMore = false
    await stopSharing(options, { person, words }, (sharing, line) => {
      const tick = tickOf(sharing, line)
      if (isTicked(tick)) return true
      isMore ||= isNew(tick)
      return isNew(tick)
    })
    return reply.redirect(`/sharing?done=${isMore ? 'stopped-more' : 'stopped'}`, 303)
  })
}

const sendSharing = async (
  server: FastifyInstance,
  options: PageOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  done: string,
): Promise<FastifyReply> => {
  const { person } = sessionOf(request)
  const words = wordsOf(request)
  const { say } = words
  const sharings = await sharingsOf(options, person, words)
  const asked = await studiesAnswered(options, person)
  const isPatient = (await patientsOf(options.accounts.database, person)).length > 0
  const given = sharings.filter(isGiven)
  const kept = sharings.filter(one => one.kept !== undefined)
  const isKept = (study: StudyAnswered) => kept.some(({ receiver }) => receiver === referenceTo(study))
  const apps = await appsShown(server, person, words)
  const fieldsets: Html[] = []
  for (const one of given) fieldsets.push(await givenShown(one, asked, words))
  const keptShown: Html[] = []
  for (const one of kept)
    if (one.kept) keptShown.push(keptText(one.kept, await receiverShown(one, asked, words), words))
  return sendTranslatedPage(reply, words, {
    title: say('sharing.title'),
    isProblem: done === 'changed' || done === 'none',
    content: html`<h1>${say('sharing.title')}</h1>
${printedLine(words, await nameOfPerson(options.accounts.openStoreAs, person))}
${told(done, words)}
${paperList(asked, words)}
${studyList('sharing.open', asked.filter(waitsForAnswer), words)}
${given.length === 0 ? html`<p>${say(kept.length > 0 ? 'sharing.nothing-new' : apps ? 'sharing.nothing-but-apps' : 'sharing.nothing')}</p>` : stopForm(given, fieldsets, words, ownToken(reply))}
${keptShown.length > 0 && html`<h2>${say('sharing.kept')}</h2>${keptShown}`}
${apps}
${studyList(
  'sharing.over',
  asked.filter(one => isOver(one) && !isKept(one)),
  words,
)}
${await careEnded(options, person, given, words)}
${furtherPages(words, { isPatient })}`,
  })
}

const furtherPages = ({ say }: Words, { isPatient }: { readonly isPatient: boolean }): Html =>
  html`<ul class="list-unstyled mt-4 no-print">
${isPatient && html`<li><a href="/sharing/with">${say('care.begin')}</a></li>`}
<li><a href="/account/disclosures">${say('sharing.disclosures')}</a></li>
<li><a href="/account/data">${say('sharing.data')}</a></li>
<li><a href="/account/apps">${say('sharing.apps')}</a></li>
<li><a href="/account">${say('sharing.account')}</a></li>
</ul>`

const told = (done: string, { say }: Words): Html | undefined => {
  switch (done) {
    case 'stopped':
    case 'stopped-more':
      return notice('done', html`<p>${say(`sharing.${done}`)}</p>`)
    case 'none':
      return notice('problem', html`<p>${say('sharing.none-ticked')}</p>`)
    case 'changed':
      return notice('problem', html`<p>${say('sharing.changed')}</p>`)
    default:
      return undefined
  }
}

const stopForm = (
  given: readonly Sharing[],
  fieldsets: readonly Html[],
  { say }: Words,
  token: string,
): Html => html`<p class="no-print">${say('sharing.text')}</p>
${postForm(
  { action: '/sharing', token, isListed: true, class: 'stops', hidden: { shown: given.flatMap(ticksOf).join(' ') } },
  html`${fieldsets}
<div class="d-flex flex-wrap gap-3 mt-4"><button class="btn btn-primary">${say('sharing.stop')}</button><a class="btn btn-outline-primary" href="/sharing?stop=all">${say('sharing.stop-all')}</a></div>`,
)}`

const ticksOf = (sharing: Sharing): readonly string[] =>
  (sharing.lines.length === 0 ? [undefined] : sharing.lines).map(line => tickText(tickOf(sharing, line)))

const givenShown = async (sharing: Sharing, asked: readonly StudyAnswered[], words: Words): Promise<Html> => {
  const { lines } = sharing
  const study = asked.find(one => referenceTo(one) === sharing.receiver)
  const who = await receiverName(sharing, study, words)
  const care = await carePathOf(sharing)
  const texts = lines.length === 0 ? [words.say('sharing.idle')] : lines.map(line => lineText(line, words))
  return html`<fieldset>
<legend class="fs-5 fw-semibold">${phrase(words, 'sharing.to', { who })}</legend>
${study?.isEnrolled === false && html`<p>${words.say(placeKey(study))}</p>`}
${study?.isEnrolled && !study.isInForce && notRunning(study.study, words)}
${ticksOf(sharing).map((value, index) => box({ type: 'checkbox', name: 'stop', value, label: texts[index] ?? '' }))}
${study !== undefined && keepsAfterEnd(study) && html`<p>${words.say('sharing.will-keep')}</p>`}
${care !== undefined && html`<p><a href="${care}">${words.say('care.read')}<span class="visually-hidden">: ${who}</span></a></p>`}
${study !== undefined && html`<p><a href="/sharing/${study.study.id}">${words.say(study.isEnrolled ? 'sharing.read' : 'sharing.read-left')}<span class="visually-hidden">: ${worded(titleIn(study.study, words), words)}</span></a></p>`}
</fieldset>`
}

/** The page about whoever it is given to without a study. There is none about somebody without a name, or who was deleted: an app may share with them. */
const carePathOf = async ({ consent, human, record, receiver }: Sharing): Promise<string | undefined> => {
  const to = granteeOf(consent)
  if (to === undefined || to.kind === 'study' || !(await nameOf(record, receiver))?.trim()) return undefined
  return `${carePath({ kind: to.kind, id: to.id })}?record=${human}`
}

/** The receiver, with a link to its page if there is one. */
const receiverShown = async (sharing: Sharing, asked: readonly StudyAnswered[], words: Words): Promise<Html> => {
  const study = asked.find(one => referenceTo(one) === sharing.receiver)
  const name = await receiverName(sharing, study, words)
  return study === undefined ? html`${name}` : html`<a href="/sharing/${study.study.id}">${name}</a>`
}

/** The receiver, with what it keeps if all of it is stopped. */
const receiverStopped = async (
  sharing: Sharing,
  asked: readonly StudyAnswered[],
  words: Words,
): Promise<Html | string> => {
  const study = asked.find(one => referenceTo(one) === sharing.receiver)
  const name = await receiverName(sharing, study, words)
  if (study === undefined || !keepsAfterEnd(study)) return name
  return html`${name}: ${words.say('study.withdrawal-keep')}`
}

/**
 * Whether something stays with the study even if all that it is given is stopped. A part that is stopped is seen no more, nor is anything by a study
 * that the person has left, or that does not run.
 */
const keepsAfterEnd = (study: StudyAnswered): boolean =>
  study.isEnrolled && study.isInForce && withdrawalSigned(study) === 'keep'

/** Apps, whose grants are no Consents, and do not end with one. */
const appsShown = async (server: FastifyInstance, person: string, words: Words): Promise<Html | false> => {
  const names = new Set((await server.authorization.grantedApps.list(person)).map(({ client }) => client.name))
  if (names.size === 0) return false
  const apps = html`<a href="/account/apps">${words.list([...names])}</a>`
  return html`<p>${phrase(words, 'sharing.apps-go-on', { apps })}</p>`
}

const isGiven = ({ kept }: Sharing): boolean => kept === undefined

const referenceTo = ({ study }: StudyAnswered): string => `ResearchStudy/${study.id}`

const studyList = (
  title: 'sharing.open' | 'sharing.over',
  asked: readonly StudyAnswered[],
  words: Words,
): Html | false =>
  asked.length > 0 &&
  html`<h2>${words.say(title)}</h2>
<ul class="list-group list-group-flush mb-4">${asked.map(one => {
    const called = titleIn(one.study, words)
    return html`<li class="list-group-item px-0 py-3"><a href="/sharing/${one.study.id}"${langOf(called, words)}>${called.text}</a>${!one.isEnrolled && html`<div>${words.say(placeKey(one))}</div>`}</li>`
  })}</ul>`

/** They have said no, or have stopped, and may still say yes unless their place has ended. */
const isOver = (asked: StudyAnswered): boolean => ['rejected', 'inactive'].includes(statusOfAnswer(asked) ?? '')
