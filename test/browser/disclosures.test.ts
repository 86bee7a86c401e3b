import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { openStudies } from '../support/study.ts'
import { openChromium, whyNoChromium } from './chromium.ts'

t.test('on paper each time is listed at which somebody has looked', { skip: whyNoChromium() }, async t => {
  const { server, database, create, institution, study, participant, send, token } = await openStudies()
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const lab = await institution('lab')
  const kinds = ['omh:heart-rate']
  const { id: sleep, researcher } = await study(lab.manager, lab.organization, 'Sleep', kinds)
  const ann = await participant(lab.manager, lab.organization, sleep, kinds, 'Ann')
  const subject = { kind: 'user', person: researcher.person } as const
  const reader = await token({ subject, scope: 'user/Observation.rs', study: sleep })
  for (let count = 0; count < 2; count++) await send(reader, 'GET', `Observation?subject=Patient/${ann}`)
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const link = [{ target: { reference: `Patient/${ann}` } }]
  const { id: person } = await create('everything', { resourceType: 'Person', link })
  const openBrowser = await openChromium(t)
  const { context, page } = await openBrowser()
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const value = await startSession(database, { person, methods: ['pwd'], device: 'Test' })
  await context.addCookies([{ name: 'sharewell-session', value, url: base }])
  await page.goto(`${base}/account/disclosures`)
  const visits = page.locator('.list-group-item').first().locator('.visit')
  t.equal(await visits.count(), 2)
  t.notOk(await visits.last().isVisible(), 'in a window it is opened')
  await page.emulateMedia({ media: 'print' })
  t.ok(await visits.last().isVisible())
  const ends = await page.evaluate(
    `['.list-group-item:has(.visit)', '.visit:last-child'].map(one => document.querySelector(one).getBoundingClientRect().bottom)`,
  )
  const [entry = 0, last = 0] = ends as number[]
  t.ok(entry >= last, 'and it has its room')
})
