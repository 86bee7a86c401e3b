import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { sql } from '../../src/storage/sql.ts'
import { openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import { someoneWaits } from '../support/someone-waits.ts'
import { callers, clients } from './callers.ts'
import { doors } from './doors.ts'
import * as facts from './facts.ts'
import { addPatientAccounts, heartsFrom } from './own-studies.ts'
import { secretsOf } from './secrets.ts'
import { openSignedIn } from './signed-in.ts'
import { type Call, openNoLeakWorld } from './world.ts'

/**
 * A preview of what somebody would share writes their Consent, asks the gate as the study's people would, and undoes it. If the write could be seen
 * meanwhile, or remained, those people would read bob's heart rate and his Consent as given, and be notified of both, and the record would say that
 * he gave it, which he has not.
 */
const world = await openNoLeakWorld()
const { server, database } = world
t.teardown(() => server.close())
t.setTimeout(280_000)
for (const client of clients) await registerClient(database, { name: client.id, ...client })
const patients = await addPatientAccounts(world)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [
  status,
  body.replace(/this number: [\w-]+/, '').replaceAll(/name="_csrf" value="[^"]*"/g, ''),
]
const { browser: bob } = await signedIn('person-bob')
const page = '/sharing/open'
const choices = await heartsFrom(bob, 'open', '2026-01-01')
const preview = () => bob.send(page, choices, page)

/** All tables, except those that say who came and what they looked at. */
const stored = async (): Promise<Readonly<Record<string, string>>> => {
  const rows = await database.any<{ name: string; content: string }>(sql.fragment`
    SELECT relname AS name, query_to_xml(
      format('SELECT md5(string_agg(t::text, '' '' ORDER BY t::text)) FROM %I.%I AS t', schemaname, relname), true, false, ''
    )::text AS content
    FROM pg_stat_user_tables WHERE relname NOT IN (${sql.join(ofVisits, sql.fragment`, `)})`)
  return Object.fromEntries(rows.map(({ name, content }) => [name, content]))
}
const ofVisits = ['audit_record', 'audit_consent', 'principal', 'token', 'user_session']
const before = await stored()
const changed = async () => {
  const now = await stored()
  return Object.keys(now).filter(name => now[name] !== before[name])
}

/** Runs `meanwhile` while it waits with everything written. */
await database.run(sql.fragment`
  CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$`)
await database.run(sql.fragment`
  CREATE TRIGGER wait AFTER INSERT ON study_group_observation_consents EXECUTE FUNCTION wait()`)
const previewWhile = async (meanwhile: () => Promise<unknown>): Promise<Shown> => {
  const answer = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(1)`)
    const asked = preview()
    await someoneWaits(connection)
    await meanwhile()
    return { asked }
  })
  return answer.asked
}

const persons = [...patients.keys(), ...facts.practitioners.map(id => `person-${id}`)]
const isAsked = (person: string, id: string) =>
  facts.enrolments.some(
    ({ patient, study, ended }) => study === id && !ended && patients.get(person)?.includes(patient),
  )

t.test('somebody who is asked by a study is shown what they would share, and nothing of anybody else', async t => {
  t.match(wordsOf(await preview()), /Heart rate[^.]*\. So far there is 1 reading /)
  for (const { id } of facts.studies.filter(({ over }) => !over))
    for (const person of persons.filter(one => isAsked(one, id))) {
      const { browser } = await signedIn(person)
      const shown = await browser.send(`/sharing/${id}`, await heartsFrom(browser, id, '2026-01-01'))
      t.equal(shown.status, 200, `${person}: ${id}`)
      t.match(shown.body, `action="/sharing/${id}/sign"`, `${person}: ${id}`)
      t.notMatch(shown.body, /secret-/, `${person}: ${id}`)
    }
  t.strictSame(await changed(), [], 'nothing is changed by it, and there is nothing to notify of')
})

t.test('nobody else is shown anything, nor is somebody whose place has ended', async t => {
  for (const person of persons) {
    const { browser, _csrf } = await signedIn(person)
    const none = anonymous(await browser.post('/sharing/nothing-of-the-kind', { ...choices, _csrf }))
    t.equal(none[0], 404)
    for (const { id } of facts.studies.filter(one => !isAsked(person, one.id)))
      t.strictSame(anonymous(await browser.post(`/sharing/${id}`, { ...choices, _csrf })), none, `${person}: ${id}`)
  }
  const nobody = openBrowser(server)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await nobody.get('/sign-in')).body)?.[1] ?? ''
  const location = '/sign-in?continue=%2Fsharing%2Fopen&unsaved'
  t.match(await nobody.post(page, { ...choices, _csrf }), { status: 303, location, body: '' })
  t.strictSame(await changed(), [])
})

t.test('choices that were sent after a session had ended are shown to nobody else with the same browser', async t => {
  const { browser: late } = await signedIn('person-bob')
  await late.get(page)
  const fields = { ...choices, _csrf: /name="_csrf" value="([^"]*)"/.exec((await late.get(page)).body)?.[1] ?? '' }
  late.cookies.delete('sharewell-session')
  t.match(await late.post(page, fields), { location: /&unsaved=kept$/ })
  const kept = late.cookies.get('sharewell-choices') ?? ''
  const shownTo = async (person: string, cookie: string) => {
    const { browser } = await signedIn(person)
    browser.cookies.set('sharewell-choices', cookie)
    return anonymous(await browser.get(page))
  }
  for (const person of persons.filter(one => one !== 'person-bob'))
    t.strictSame(await shownTo(person, kept), await shownTo(person, 'none'), person)
  t.notSame(await shownTo('person-bob', kept), await shownTo('person-bob', 'none'))
  t.strictSame(await changed(), [])
})

t.test('a preview is recorded as reading, and not as a change of a consent', async t => {
  const { last } = await database.one<{ last: string }>(sql.fragment`SELECT max(id)::text AS last FROM audit_record`)
  t.equal((await preview()).status, 200)
  const recorded = await database.any<{ interaction: string; type: string }>(
    sql.fragment`SELECT DISTINCT interaction, type FROM audit_record WHERE id > ${last}::bigint`,
  )
  t.ok(recorded.some(({ type }) => type.split(' ').includes('Observation')))
  t.strictSame([...new Set(recorded.map(({ interaction }) => interaction))].toSorted(), ['read', 'search-type'])
})

const secrets = secretsOf(world).filter(({ type }) => type === 'Observation' || type === 'Consent')
const names = (of: readonly { readonly type: string; readonly id: string }[]) =>
  of.map(({ type, id }) => `${type}/${id}`).toSorted()
const search = doors.find(({ name }) => name === 'search')
const found = async (call: Call): Promise<readonly string[]> => {
  const all: string[] = []
  for (const [type, ofType] of Map.groupBy(secrets, one => one.type)) {
    const ids = await search?.seen(
      call,
      type,
      ofType.map(({ id }) => id),
    )
    all.push(...names((ids ?? []).map(id => ({ type, id }))))
  }
  return all.toSorted()
}
/** The states of bob's Consent that a caller may know; none if they may not know of it. */
const statesOf = async (call: Call): Promise<readonly string[]> => {
  const { status, body } = await call('GET', 'Consent/consent-open-bob/_history')
  if (status !== 200) return []
  return JSON.parse(body).entry.map(({ resource }: { readonly resource: Consent }) => resource.status)
}

t.test('while it is written nobody reads more than before, nor less', async t => {
  const knowing: string[] = []
  const shown = await previewWhile(async () => {
    for (const caller of callers) {
      const call = world.call(caller.token && (await world.token(caller.token)))
      const mayFind = caller.lets === undefined || caller.lets.actions.includes('s')
      const expected = secrets.filter(one => mayFind && one.isReadBy(caller))
      t.strictSame(await found(call), names(expected), caller.name)
      const states = await statesOf(call)
      if (states.length > 0) knowing.push(caller.name)
      t.strictSame(
        states.filter(state => state !== 'proposed'),
        [],
        `${caller.name}: what is proposed stays so`,
      )
    }
  })
  t.match(wordsOf(shown), /So far there is 1 reading /)
  t.ok(['bob', 'researcher', 'collaborator', 'client-of-lab'].every(name => knowing.includes(name)))
  t.strictSame(await changed(), [])
})

t.test('if it fails with everything written, nothing of it remains', async t => {
  const lost = await previewWhile(() =>
    database.run(sql.fragment`
      SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
      WHERE NOT granted AND activity.datname = current_database()`),
  )
  t.match(wordsOf(lost), /So far there is 1 reading /, 'after a lost connection it is tried once more')
  t.strictSame(await changed(), [])
  const uncounted = await previewWhile(() =>
    database.run(sql.fragment`ALTER TABLE observation RENAME TO observation_elsewhere`),
  )
  await database.run(sql.fragment`ALTER TABLE observation_elsewhere RENAME TO observation`)
  t.equal(uncounted.status, 500, 'it cannot be counted')
  t.strictSame(await changed(), [])
  t.match(wordsOf(await preview()), /So far there is 1 reading /)
})
