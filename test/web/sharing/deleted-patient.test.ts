import t from 'tap'
import { wordsOf } from '../../support/browser.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { browserOf, lab, readOf, researcher, send, sign, somebody } = world
t.teardown(world.close)

const hearts = `omh:heart-rate@${world.band}`
const gone = 'There is no such page The address may be mistyped, or the page is no longer there.'

t.test('deleting a Patient ends nothing that they share, and they can still stop it', async t => {
  const { browser: own, measure, patient } = await somebody('Dora')
  const [heart] = await measure(['2026-02-01'])
  await sign(own, { [hearts]: 'yes', 'omh:step-count@any': 'no', [`${hearts}-from`]: '2026-01-01' })
  const path = `Patient/${patient.id}`
  t.equal((await send(lab.manager, 'DELETE', path)).statusCode, 204)
  t.equal((await send(lab.manager, 'GET', path)).statusCode, 410)
  t.strictSame(await readOf(patient.id), [heart?.id])
  t.match(wordsOf(await own.get('/sharing')), /To Hearts .* steps Heart rate, from Tidewell band/)
  t.equal((await own.send('/sharing', { all: 'yes' })).location, '/sharing?done=stopped')
  t.strictSame(await readOf(patient.id), [])
})

t.test('who opens the page of a deleted Patient is not told that their browser is at fault', async t => {
  const { browser: own, patient } = await somebody('Dan')
  await send(lab.manager, 'DELETE', `Patient/${patient.id}`)
  for (const browser of [own, await browserOf(researcher)]) {
    const shown = await browser.get(`/patients/${patient.id}`)
    t.match([shown.status, wordsOf(shown)], [410, gone])
  }
})
