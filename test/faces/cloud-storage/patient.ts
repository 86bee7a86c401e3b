import { startSession } from '../../../src/storage/account/session.ts'
import type { openApps } from '../../auth/world.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'

export const base = 'http://localhost:8080'

/** Where the operator tells a partner to send patients. */
const page = '/m/phr/cloud-sharing/authorize'

/** The person signed in with the browser opens the links of partners and decides on our pages. */
export const openPerson = async ({ server, database }: Pick<World, 'server' | 'database'>, person: string) => {
  const browser = openBrowser(server)
  const session = await startSession(database, { person, methods: ['pwd'], device: 'Test' })
  browser.cookies.set('sharewell-session', session)

  /** The page on which they decide, or what was answered instead. */
  const open = async (link: string) => {
    const opened = await browser.get(`${page}${link}`)
    if (opened.status !== 303) return { status: opened.status, words: wordsOf(opened), scopes: [], url: '' }
    const asked = await browser.get((opened.location ?? '').slice(base.length))
    const url = (asked.location ?? '').replace(base, '')
    const shown = url.startsWith('/authorize/') ? await browser.get(url) : asked
    return { status: shown.status, words: wordsOf(shown), scopes: boxesIn(shown.body), url }
  }
  const decide = async (url: string, scope: readonly string[], more = {}) => {
    const decided = await browser.send(url, { decision: 'allow', scope, ...more })
    if (decided.status !== 303) return { status: decided.status, words: wordsOf(decided), location: undefined }
    const back = await browser.get((decided.location ?? '').slice(base.length))
    return { status: back.status, words: '', location: new URL(back.location ?? '', base) }
  }
  /** Everything that the link asks for, or what remains of it. */
  const allow = async (link: string, leaves = (_scope: string) => true) => {
    const { url, scopes } = await open(link)
    return decide(url, scopes.filter(leaves))
  }
  return { person, browser, open, decide, allow }
}

type World = Awaited<ReturnType<typeof openApps>>

const boxesIn = (body: string): readonly string[] =>
  [...body.matchAll(/<input class="form-check-input" type="checkbox" name="scope" value="([^"]*)"/g)].map(
    ([, value = '']) => value.replaceAll('&amp;', '&'),
  )
