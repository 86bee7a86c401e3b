import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { textParts } from '../../../src/access/text-parts.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { openInvited } from '../invited.ts'

const world = await openInvited()
const { act, arrived, band, database, enrolled, invite, lab, page, send, staff, study, update } = world
t.teardown(world.close)
t.setTimeout(240_000)

const settings = `${page}/settings`
const own = `/sharing/${study.id}`
const lacks = 'English: key facts; English: who receives what, and why; English: how long it goes on'

/** Written by an app: all its parts are below one heading, which a version may name. */
const written = (isNamed: boolean): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: 'of an app' },
    {
      url: 'text',
      valueAttachment: { contentType: 'text/plain', data: Buffer.from('About it\nWe ask.').toString('base64') },
    },
    ...(isNamed ? textParts : []).map(name => ({
      url: 'part',
      extension: [
        { url: 'language', valueCode: 'en' },
        { url: 'name', valueCode: name },
        { url: 'heading', valueString: 'About it' },
      ],
    })),
  ],
})
const withText = async (isNamed: boolean): Promise<ResearchStudy> => {
  const stored: ResearchStudy = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const others = (stored.extension ?? []).filter(({ url }) => url !== extensions.patientText)
  return { ...stored, extension: [...others, written(isNamed)] }
}
const writeNamed = async (): Promise<void> => {
  await update(lab.manager, await withText(true))
}
/** As the study had it before texts had to have parts. */
const holdUnnamed = async (): Promise<void> => {
  const { extension } = await withText(false)
  await database.run(sql.fragment`
    UPDATE research_study SET content = jsonb_set(content, '{extension}', ${JSON.stringify(extension)}::jsonb)
    WHERE id = ${study.id ?? ''}`)
}
const choices = {
  [`omh:heart-rate@${band}`]: 'yes',
  'omh:step-count@any': 'no',
  [`omh:heart-rate@${band}-from`]: '2026-01-01',
}

const tokenIn = async (browser: typeof staff, at: string): Promise<string> =>
  /name="_csrf" value="([^"]*)"/.exec((await browser.get(at)).body)?.[1] ?? ''

await writeNamed()
const eva = await arrived('Eva')
const bob = await arrived('Bob')
const cat = await enrolled('Cat')
const dan = await enrolled('Dan')
await invite(dan.subject)
const form = await eva.browser.send(own, choices, own)
const hidden = Object.fromEntries(
  [...form.body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(([, key = '', value = '']) => [
    key,
    value,
  ]),
)
await eva.browser.post(`${own}/sign`, { ...hidden, name: 'Eva' })
await holdUnnamed()

t.test('nobody is invited into a study whose text lacks a part, and staff are told what it lacks', async t => {
  for (const [subject, action] of [
    [cat.subject, 'invite'],
    [dan.subject, 'code'],
  ] as const) {
    // Pages offer neither, but one that was opened before may still be sent.
    const answer = await staff.post(`${page}/people/${subject}/${action}`, { _csrf: await tokenIn(staff, settings) })
    t.equal(answer.status, 422, action)
    t.match(wordsOf(answer), `The text that patients sign lacks a part (${lacks}`)
  }
  const { count } = await database.one<{ count: number }>(
    sql.fragment`SELECT count(*)::int FROM invitation WHERE subject = ${cat.subject}`,
  )
  t.equal(count, 0)
  const people = await staff.get(page)
  t.match(wordsOf(people), `Nobody can be invited now. The text that patients sign lacks a part (${lacks}`)
  t.match(wordsOf(people), `The study still needs: `)
  t.notMatch(people.body, '/invite')
  const text = wordsOf(await staff.get(`${settings}/text`))
  t.match(
    text,
    'The last version does not have all its parts, so nobody is asked to sign it. It lacks: English: key facts',
  )
  t.match(wordsOf(await staff.get(settings)), 'Version of an app is published, but lacks a part')
})

t.test('whoever has signed it goes on, and a patient is told that there is nothing to sign yet', async t => {
  const [evas, bobs] = [await eva.browser.get(own), await bob.browser.get(own)]
  t.match(wordsOf(evas), /About it We ask\./)
  t.match(evas.body, 'id="choices"')
  t.match(wordsOf(bobs), 'There is nothing to sign yet: the study’s text lacks something that you should know first.')
  t.notMatch(bobs.body, /id="choices"|We ask\./)
  const answer = await bob.browser.post(own, { _csrf: await tokenIn(bob.browser, own), ...choices })
  t.match([answer.status, wordsOf(answer)], [409, /There is nothing to sign yet/])
})

t.test('once its headings are named, people are asked again', async t => {
  await writeNamed()
  t.match((await bob.browser.get(own)).body, 'id="choices"')
  t.equal((await act(cat.subject, 'invite')).status, 303)
  t.notMatch(wordsOf(await staff.get(page)), 'Nobody can be invited now')
})
