import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { type Shown, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openSharing } from '../../web/sharing/sharing-world.ts'

const world = await openSharing()
const { arrived, band, consentsOf, database, sign, study } = world
t.teardown(world.close)
t.setTimeout(120_000)

const page = `/sharing/${study.id}`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
/** Pressed several times: each has read what is stored before any of them writes. */
const pressed = (press: () => Promise<Shown>, times = 4): Promise<readonly Shown[]> =>
  database
    .transaction(async connection => {
      await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
      const answers = Promise.all(Array.from({ length: times }, press))
      await someoneWaits(connection, times)
      return { answers }
    })
    .then(({ answers }) => answers)

t.test('pressing sign several times at once signs once, and shows the result each time', async t => {
  const { browser: own, patient } = await arrived('Ana')
  for (const version of ['1', '2']) {
    const preview = await own.send(page, { [hearts]: 'yes', [steps]: 'no' }, page)
    const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(preview.body)?.[1] ?? ''
    const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
    const answers = await pressed(() => own.post(`${page}/sign`, { ...hidden, name: 'Ana' }))
    const ends = answers.map(({ status, location = '' }) => `${status} ${/done=(\w+)/.exec(location)?.[1]}`)
    t.same(new Set(ends), new Set(['303 signed', '303 overtaken']))
    t.equal(ends.filter(one => one === '303 signed').length, 1)
    t.match(await consentsOf(patient.id), [{ status: /^active$/, meta: { versionId: version } }])
  }
  const shown = wordsOf(await own.get(`${page}?done=overtaken`))
  t.match(shown, /Another answer of yours came at the same moment, .* You share data with this study now\./)
})

t.test('refusing ends what was given, however often it is pressed and whatever happens in between', async t => {
  const { browser: own, patient } = await arrived('Bea')
  const { preview } = await sign(own, { [hearts]: 'yes', [steps]: 'no' })
  const token = /name="_csrf" value="([^"]*)"/.exec(preview.body)?.[1] ?? ''
  const answers = await pressed(() => own.post(`${page}/decline`, { _csrf: token }))
  t.same(
    new Set(answers.map(({ status, location }) => `${status} ${location}`)),
    new Set([`303 ${page}?done=declined`]),
  )
  t.match(await consentsOf(patient.id), [{ status: 'inactive', meta: { versionId: '2' } }])
})
