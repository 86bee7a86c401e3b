import t from 'tap'
import { openSearching } from '../../support/searching.ts'

const { server, put, found } = await openSearching()
t.teardown(() => server.close())

const reachedAt = (id: string, ...telecom: readonly object[]) => ({ resourceType: 'Patient', id, telecom })

t.test('an e-mail address is found in any case, and no other telecom is', async t => {
  await put(
    reachedAt('capitals', { system: 'email', value: 'Anna@Example.org' }),
    reachedAt('small', { system: 'email', value: 'anna@example.org' }),
    reachedAt(
      'page',
      { system: 'url', value: 'http://example.org/Anna' },
      { system: 'other', value: 'Anna@Example.org' },
    ),
  )
  for (const asked of ['anna@example.org', 'Anna@Example.org', 'ANNA@EXAMPLE.ORG', 'x@example.org,ANNA@example.org'])
    t.equal(await found(`Patient?email=${asked}`), 'capitals small', asked)
  t.equal(await found('Patient?email:not=ANNA@example.org'), 'page')
  t.equal(await found('Patient?telecom=anna@example.org'), 'capitals small')
  t.equal(await found('Patient?telecom=Anna@Example.org'), 'capitals page small')
  t.equal(await found('Patient?telecom=http://example.org/anna'), '')
  t.equal(await found('Patient?telecom=x,http://example.org/Anna'), 'page')
})

t.test('an e-mail address with letters whose case depends on what stands around is found by itself', async t => {
  await put(
    reachedAt('greek', { system: 'email', value: 'ΟΔΟΣ@example.gr' }),
    reachedAt('turkish', { system: 'email', value: 'İbrahim@example.tr' }),
  )
  for (const asked of ['ΟΔΟΣ@example.gr', 'οδος@example.gr', 'οδοσ@example.gr'].map(encodeURIComponent))
    t.equal(await found(`Patient?email=${asked}`), 'greek', asked)
  for (const asked of ['İbrahim@example.tr', 'ibrahim@example.tr'].map(encodeURIComponent))
    t.equal(await found(`Patient?email=${asked}`), 'turkish', asked)
})
