import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { openSearching } from '../../support/searching.ts'
import * as w from '../model/world.ts'

const { server, put: putAll, search } = await openSearching()
t.teardown(() => server.close())
const put = (...resources: readonly object[]) =>
  putAll(...(resources as readonly { resourceType: string; id: string }[]))
const reference = (to: string) => ({ reference: to })
const included = async (query: string): Promise<readonly string[]> => {
  const { entry = [] }: Bundle = await search(query)
  return entry
    .filter(one => one.search?.mode === 'include')
    .map(({ resource }) => `${resource?.resourceType}/${resource?.id}`)
    .toSorted()
}

t.test('the Group of a study comes along with its members, not with another record of the same person', async t => {
  const [known, elsewhere] = ['known', 'elsewhere'].map(id => ({ resourceType: 'Patient', id }))
  await put(w.organization('lab'), known ?? {}, elsewhere ?? {})
  for (const study of ['sleep', 'heart', 'left']) {
    await put(w.groupOf(study, 'lab'))
    await put(w.study(study, 'lab', [w.requests('omh:body-weight')]))
  }
  await put(w.enrols('sleep', 'known'), w.enrols('left', 'known'))
  await put(w.enrols('left', 'known', 'withdrawn'), { resourceType: 'Patient', id: 'another' })
  await put(w.enrols('heart', 'another'))
  const link = [known, elsewhere].map(one => ({ target: reference(`Patient/${one?.id}`) }))
  await put({ resourceType: 'Person', id: 'owner', link })
  t.strictSame(await included('Patient?_id=known&_revinclude=Group:member'), ['Group/group-sleep'])
  t.strictSame(await included('Patient?_id=elsewhere&_revinclude=Group:member'), [])
  t.strictSame(await included('Patient?_id=known,elsewhere&_revinclude=Group:member'), ['Group/group-sleep'])
  t.strictSame(await included('Organization?_id=lab&_revinclude=Group:managing-entity'), [
    'Group/group-heart',
    'Group/group-left',
    'Group/group-sleep',
  ])
  t.strictSame(await included('Group?_id=group-sleep&_include=Group:member'), ['Patient/known'])
  t.strictSame(await included('Group?_id=group-left&_include=Group:member'), [])
})

t.test('an Observation about a device comes along with that device alone, and one by it is another link', async t => {
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }
  await put(...['scale', 'cuff'].map(id => ({ resourceType: 'Device', id })), { resourceType: 'Patient', id: 'ann' })
  await put(
    { ...observation, id: 'of-scale', subject: reference('Device/scale') },
    { ...observation, id: 'of-cuff', subject: reference('Device/cuff') },
    { ...observation, id: 'of-ann', subject: reference('Patient/ann'), device: reference('Device/cuff') },
  )
  t.strictSame(await included('Device?_id=scale&_revinclude=Observation:subject'), ['Observation/of-scale'])
  t.strictSame(await included('Device?_id=cuff&_revinclude=Observation:subject'), ['Observation/of-cuff'])
  t.strictSame(await included('Device?_id=cuff&_revinclude=Observation:device'), ['Observation/of-ann'])
  t.strictSame(await included('Device?_id=cuff&_revinclude=Observation:*'), [
    'Observation/of-ann',
    'Observation/of-cuff',
  ])
  t.strictSame(await included('Patient?_id=ann&_revinclude=Observation:subject&_revinclude=Observation:performer'), [
    'Observation/of-ann',
  ])
})
