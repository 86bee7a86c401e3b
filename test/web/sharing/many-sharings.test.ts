import pg from 'pg'
import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { consent, openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create } = world
t.teardown(() => server.close())
const lab = await world.institution('lab')
const kinds = ['omh:heart-rate', 'omh:body-weight']

let statements = 0
const { query } = pg.Client.prototype
pg.Client.prototype.query = function (this: pg.Client, ...asked: unknown[]) {
  statements += 1
  return Reflect.apply(query, this, asked)
} as typeof query
t.teardown(() => {
  pg.Client.prototype.query = query
})

const first = await world.study(lab.manager, lab.organization, 'study 1', kinds)
const ann = await world.participant(lab.manager, lab.organization, first.id, kinds, 'Ann')
const app = await world.patientToken(ann, 'patient/Consent.cruds')
const { id: person } = await create('everything', {
  resourceType: 'Person',
  link: [{ target: { reference: `Patient/${ann}` } }],
})
const browser = openBrowser(server)
browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
/** The fewest of several times, since the server does other work meanwhile. */
const statementsOf = async (page: string): Promise<number> => {
  const counts: number[] = []
  for (let time = 0; time < 5; time++) {
    statements = 0
    await browser.get(page)
    counts.push(statements)
  }
  return Math.min(...counts)
}

t.test('however many studies somebody is in, their pages ask the database as often', async t => {
  const pages = ['/sharing', '/account', '/sharing?stop=all']
  const few = new Map<string, number>()
  for (const page of pages) few.set(page, await statementsOf(page))
  for (let number = 2; number <= 8; number++) {
    const { id } = await world.study(lab.manager, lab.organization, `study ${number}`, kinds)
    await world.enrol(lab.manager, id, ann)
    await create(app, consent(ann, id, lab.organization, kinds))
  }
  for (const [page, before] of few)
    t.ok((await statementsOf(page)) <= before + 2, `${page}: ${before}, then ${statements}`)
  const shown = wordsOf(await browser.get('/sharing'))
  for (let number = 1; number <= 8; number++) t.match(shown, new RegExp(`To .?study ${number}\\b`))
})
