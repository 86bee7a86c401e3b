import { startSession } from '../../src/storage/account/session.ts'
import { openBrowser } from '../support/browser.ts'
import type { World } from './world.ts'

/** Signs people of the world in, each with a browser and an address of their own, because pages are limited for each minute. */
export const openSignedIn = ({ server, database, token, call }: World) => {
  let address = 1
  return async (person: string) => {
    const browser = openBrowser(server, { remoteAddress: `10.0.0.${address++}` })
    browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
    const { body } = await browser.get('/account')
    return {
      browser,
      /** The same person with FHIR. */
      call: call(await token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' })),
      _csrf: /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? '',
    }
  }
}
