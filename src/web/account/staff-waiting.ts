import type { FastifyRequest } from 'fastify'
import type { Key, Words } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import { findStaffWaiting, type StaffWaiting } from '../../studies/people/staff-waiting.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { phrase } from '../page/time.ts'
import { worded } from '../page/wording.ts'

/** What waits for the reader in the studies in which they work, each with a way there; nothing if nothing does. */
export const staffWaiting = async (
  request: FastifyRequest,
  options: PageOptions,
  words: Words,
): Promise<Html | undefined> => {
  if (request.standing?.staff !== true) return undefined
  const caller = await callerOfSession(options.accounts.database, sessionOf(request))
  if (caller?.practitioner === undefined) return undefined
  const { waiting, isCut } = await findStaffWaiting(options, caller, mostLookedAt)
  if (waiting.length === 0 && !isCut) return undefined
  return html`<h2>${words.say('own.waits')}</h2>
<ul class="list-unstyled rows mb-4">${waiting.map(one => linesOf(one, words))}
${isCut && html`<li><a href="/studies">${words.say('own.waits-more')}</a></li>`}</ul>`
}

const mostLookedAt = 50

const linesOf = (one: StaffWaiting, words: Words): readonly (Html | false)[] => {
  const { text, language } = titleIn(one.study, words)
  const study = worded({ text: isolated(text, words.direction), language }, words)
  return kinds.map(({ count, text, at }) => {
    const number = one[count]
    const key: Key = number === 1 ? `${text}-one` : text
    return (
      number > 0 &&
      html`<li><a href="/studies/${one.study.id}${at}">${phrase(words, key, { study, count: number })}</a></li>`
    )
  })
}

const kinds = [
  { count: 'papers', text: 'own.waits-papers', at: '?state=paper' },
  { count: 'failed', text: 'own.waits-failed', at: '/invitations?invited=failed' },
  { count: 'refused', text: 'own.waits-refused', at: '/quarantine' },
] as const
